import type { Manifest } from '@altee/manifest';

/**
 * Which Debian packages the roots are made of.
 *
 * Nothing in a root is installed: packages are unpacked, no maintainer script runs, and the only programs that
 * run are those that altee's steps and a step's own tools call. So a root leaves out (`drop`) what Debian's
 * dependencies bring in for other uses. Each row says why; `test/lock.test.ts` holds the list of the
 * programs that do not start for it, in the roots as resolved.
 */

/** A package, and what it is there for. */
export type Wanted = Readonly<Record<string, string>>;

/**
 * Left out, and why: `name` wherever it occurs, `package>name` only as a dependency of that package. What is
 * asked for by name is never left out.
 */
export type Dropped = Readonly<Record<string, string>>;

export interface RootRecipe {
  readonly wanted: Wanted;
  readonly drop: Dropped;
}

/** Packages that other packages need only for their maintainer scripts, which altee does not run. */
const scriptsOnly: Dropped = {
  adduser: 'maintainer scripts',
  'base-passwd': 'maintainer scripts',
  debconf: 'maintainer scripts',
  'init-system-helpers': 'maintainer scripts',
  'install-info': 'maintainer scripts',
  ucf: 'maintainer scripts',
};

/** What an executor needs of every root: steps are entered through the root's own tools. */
const entrance: RootRecipe = {
  wanted: {
    'util-linux': 'unshare, setpriv, prlimit: enter the sandbox',
    mount: 'mount, umount: the mounts of the sandbox',
    dash: 'sh, which runs a step',
    coreutils: 'the standard tools of a step',
  },
  drop: {
    ...scriptsOnly,
    'util-linux>libpam-modules': 'su, runuser',
    'util-linux>libpam-runtime': 'su, runuser',
    'util-linux>libpam0g': 'su, runuser',
    'util-linux>liblastlog2-2': 'the log of log-ins; brings in SQLite',
    'util-linux>libcrypt1': 'sulogin',
    'util-linux>libsystemd0': 'agetty, wall',
    'util-linux>libudev1': 'lsblk, findmnt',
    'util-linux>libtinfo6': 'dmesg, lsblk, more, setterm',
    'coreutils>libsystemd0': 'who, users, pinky',
    'dash>debianutils': 'add-shell, for the maintainer script',
    'libssl3t64>openssl-provider-legacy': 'ciphers that nothing here uses',
    'libgcc-s1>gcc-14-base': 'documentation only',
  },
};

const binutilsDrop: Dropped = {
  'binutils-common': 'translations and documentation only',
  libgprofng0: 'gprofng',
};

/** Builds the kernel: clang, lld and what its makefiles call. */
const kernel: RootRecipe = {
  wanted: {
    'clang-19': 'CC and HOSTCC',
    'lld-19': 'LD',
    'llvm-19': 'AR, NM, OBJCOPY, STRIP, READELF',
    'libc6-dev': 'headers and crt files of the host programs',
    'libgcc-14-dev': 'crtbegin.o and libgcc.a of the host programs',
    'linux-libc-dev': 'headers of the host programs',
    'libelf-dev': 'objtool',
    binutils: 'objdump, which objtool calls for its warnings',
    make: 'Kbuild',
    flex: 'Kconfig',
    bison: 'Kconfig',
    bc: 'kernel/time/timeconst.h',
    'perl-base': 'generators of cryptographic code',
    mawk: 'generators of tables',
    sed: 'Kbuild',
    grep: 'Kbuild',
    findutils: 'Kbuild',
    diffutils: 'cmp and diff, Kbuild',
    tar: 'unpacks the source',
    'xz-utils': 'unpacks the source',
    zstd: 'compresses the kernel',
    gzip: 'Kbuild',
  },
  drop: {
    ...binutilsDrop,
    'gcc-14-base': 'documentation only',
    libasan8: 'sanitizer run time',
    libatomic1: 'run time of GCC',
    libgomp1: 'run time of GCC',
    libhwasan0: 'sanitizer run time',
    libitm1: 'run time of GCC',
    liblsan0: 'sanitizer run time',
    libquadmath0: 'run time of GCC',
    libtsan2: 'sanitizer run time',
    libubsan1: 'sanitizer run time',
    'libstdc++-14-dev': 'C++ programs; the kernel has none',
    'libobjc-14-dev': 'Objective-C programs',
    'libclang1-19': "clang's C interface, for editors",
    'llvm-19-linker-tools': 'LLVMgold and Polly plug-ins',
    'llvm-19-runtime': 'lli',
    libcurl4t64: 'llvm-debuginfod; without it llvm-objdump, llvm-cov and llvm-symbolizer do not start',
    libpfm4: 'llvm-exegesis',
    'libc-dev-bin': 'gencat, mtrace, sprof',
    'libcrypt-dev': 'crypt.h',
    'rpcsvc-proto': 'rpcgen',
    'zlib1g-dev': 'libelf links with the shared library',
    'libzstd-dev': 'libelf links with the shared library',
    'readline-common': 'settings of interactive input',
  },
};

/** Builds the programs that run inside the image. */
const guest: RootRecipe = {
  wanted: { 'golang-go': 'the Go compiler, as go on the path' },
  drop: {},
};

/** Merges kernel, initramfs and stub into one EFI file, and puts it on a disk. */
const image: RootRecipe = {
  wanted: {
    binutils: 'objcopy: adds the sections to the stub',
    'systemd-boot-efi': 'the stub',
    zstd: 'compresses the initramfs',
  },
  drop: { ...binutilsDrop, 'libstdc++6': 'gprofng, pzstd' },
};

/** Runs the image: firmware, virtual machine, software TPM. */
const platform: RootRecipe = {
  wanted: {
    'qemu-system-x86': 'the virtual machine',
    swtpm: 'the software TPM',
    'swtpm-tools': 'swtpm_setup: makes the TPM, with its banks',
    ovmf: 'the firmware',
  },
  drop: {
    'gcc-14-base': 'documentation only',
    'qemu-system-common': 'plug-ins for sound, braille, smart cards and graphics',
    'ipxe-qemu': "boot ROMs of network cards; altee's machines have none",
    'gnutls-bin': "certtool: certificates of the TPM's endorsement key",
    openssl: 'the command',
    'libsasl2-modules-db': 'log-in to VNC by a database',
  },
};

/** What a recipe for an application can count on besides the packages that the manifest names. */
const app: RootRecipe = {
  wanted: {
    sed: 'standard tool',
    grep: 'standard tool',
    findutils: 'standard tool',
    tar: 'standard tool',
    gzip: 'standard tool',
  },
  drop: {},
};

/** The recipes, by the root's name in the lock; what the sandbox needs is in each. */
export const rootRecipes = {
  kernel: withEntrance(kernel),
  guest: withEntrance(guest),
  image: withEntrance(image),
  platform: withEntrance(platform),
  app: withEntrance(app),
} satisfies Record<string, RootRecipe>;

export type RootName = keyof typeof rootRecipes;

/** A file of a package, which the lock pins by its own digest. */
export interface PackageFile {
  /** The root that it is used from. */
  readonly root: RootName;
  readonly package: string;
  readonly path: string;
}

/** The EFI stub that the image is built on. */
export const stubFile: PackageFile = {
  root: 'image',
  package: 'systemd-boot-efi',
  path: 'usr/lib/systemd/boot/efi/linuxx64.efi.stub',
};

/**
 * The firmware of the platforms that altee boots, by `firmwareOf`. The 4 MB build without System Management Mode, with
 * an empty variable store; for Secure Boot the build that enforces it, into whose empty store the keys are written.
 */
export const firmwareFiles: Readonly<
  Record<string, { readonly code: PackageFile; readonly vars: PackageFile }>
> = {
  'qemu-tpm': {
    code: { root: 'platform', package: 'ovmf', path: 'usr/share/OVMF/OVMF_CODE_4M.fd' },
    vars: { root: 'platform', package: 'ovmf', path: 'usr/share/OVMF/OVMF_VARS_4M.fd' },
  },
  'qemu-tpm with Secure Boot': {
    code: { root: 'platform', package: 'ovmf', path: 'usr/share/OVMF/OVMF_CODE_4M.secboot.fd' },
    vars: { root: 'platform', package: 'ovmf', path: 'usr/share/OVMF/OVMF_VARS_4M.fd' },
  },
  // For `-bios`: an SEV-SNP guest can't have flash. The variables are those in the file.
  'qemu-snp': {
    code: { root: 'platform', package: 'ovmf', path: 'usr/share/ovmf/OVMF.fd' },
    vars: { root: 'platform', package: 'ovmf', path: 'usr/share/OVMF/OVMF_VARS_4M.fd' },
  },
  // The same file is made for TDX; a TD has no flash, either.
  'qemu-tdx': {
    code: { root: 'platform', package: 'ovmf', path: 'usr/share/ovmf/OVMF.fd' },
    vars: { root: 'platform', package: 'ovmf', path: 'usr/share/OVMF/OVMF_VARS_4M.fd' },
  },
};

/** The row of `firmwareFiles` for a platform; there may be none. */
export function firmwareOf({ kind, secureBoot }: Manifest['platforms'][string]): string {
  return secureBoot === 'off' ? kind : `${kind} with Secure Boot`;
}

function withEntrance(recipe: RootRecipe): RootRecipe {
  return {
    wanted: { ...entrance.wanted, ...recipe.wanted },
    drop: { ...entrance.drop, ...recipe.drop },
  };
}

import type { Root, Step } from '../executor/executor.ts';

/** A kernel source archive in the store. */
export interface KernelSource {
  readonly path: string;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
  /** What the archive is said to hold, such as `6.12.107`; checked against what is in it. */
  readonly version?: string;
}

/** Architectures whose code an x86-64 build never compiles; their Kconfig files are parsed all the same. */
const otherArchitectures = [
  'alpha',
  'arc',
  'arm',
  'arm64',
  'csky',
  'hexagon',
  'loongarch',
  'm68k',
  'microblaze',
  'mips',
  'nios2',
  'openrisc',
  'parisc',
  'powerpc',
  'riscv',
  's390',
  'sh',
  'sparc',
  'um',
  'xtensa',
];

/** Drivers that `unsupported.config` keeps out of every kernel: 0.7 of the tree's 1.6 GB. */
const otherDrivers = ['drivers/gpu/drm', 'drivers/media', 'drivers/staging', 'sound'];

/**
 * What of the source is not unpacked: patterns of GNU tar below the top folder, in which `*` matches `/` too.
 * Makefiles and Kconfig files stay everywhere, since kbuild reads them all.
 */
export const leftOut: readonly string[] = [
  'Documentation/[!K]*',
  'tools/perf/*',
  'tools/testing/*',
  ...otherArchitectures.flatMap((arch) =>
    ['.[chS]', '.dts*', '_defconfig', '.config'].map((end) => `arch/${arch}/*${end}`),
  ),
  ...otherDrivers.map((folder) => `${folder}/*.[chS]`),
];

/** Unpacks the archive's x86-64 part to `$OUT`. The archive has one top folder, `linux-<version>`. */
export function kernelSourceStep(root: Root, source: KernelSource): Step {
  const excludes = leftOut.map((pattern) => ` --exclude="$top/${pattern}"`).join('');
  return {
    name: 'Unpack the kernel source',
    root,
    // The top folder stands first in the archive; a pattern for it would match further down as well.
    script: `top=$(tar --list --file=/src/linux.tar | head -n 1 | cut -d / -f 1)
tar --extract --file=/src/linux.tar --strip-components=1 --directory="$OUT" --no-same-owner --anchored${excludes}
test -f "$OUT/Makefile" -a -f "$OUT/Kconfig"
`,
    env: {},
    inputs: { 'linux.tar': { path: source.path, digest: source.sha256 } },
    limits: { seconds: 1800, outputBytes: 3 * 2 ** 30, processes: 256 },
  };
}

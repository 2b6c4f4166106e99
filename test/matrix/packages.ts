import type { Suite } from '../../packages/builder/src/debian/archive.ts';
import { archiveKeys, securityArchiveKeys } from '../../packages/builder/src/debian/keys/trixie.ts';
import { rootRecipes } from '../../packages/builder/src/lock/toolchain.ts';

/** Debian's releases from which the matrix takes its versions. */
type Release = 'bookworm' | 'trixie' | 'forky';

/** Debian 13's keys sign all suites of the main archive, but of the security archive only their own release's. */
function release(codename: Release): Suite[] {
  const main = { archive: 'debian', codename, label: 'Debian', keys: archiveKeys } as const;
  const updates = { ...main, codename: `${codename}-updates` };
  const security = {
    archive: 'debian-security',
    codename: `${codename}-security`,
    label: 'Debian-Security',
    keys: securityArchiveKeys,
  } as const;
  return { bookworm: [main, updates], trixie: [main, updates, security], forky: [main] }[codename];
}

function backports(codename: Release): Suite {
  const origin = 'Debian Backports';
  return { archive: 'debian', codename: `${codename}-backports`, origin, label: origin, keys: archiveKeys };
}

/** Where packages are resolved: whole suites, and of others the packages of these names alone. */
export interface Sources {
  readonly suites: readonly Suite[];
  readonly extra?: { readonly suite: Suite; readonly only: RegExp };
  /** The day at which expiry is judged; today unless said otherwise. */
  readonly asOf?: string;
}

/** A virtual machine monitor with a software TPM, in a root of its own. */
export interface RootSpec extends Sources {
  readonly wanted: readonly string[];
  readonly drop: readonly string[];
}

const { wanted, drop } = rootRecipes.platform;
const machine = {
  // The firmware is an axis of its own; the boot ROMs of network cards belong to one.
  wanted: [...Object.keys(wanted).filter((name) => name !== 'ovmf'), 'ipxe-qemu'],
  drop: Object.keys(drop).filter((name) => name !== 'ipxe-qemu'),
};

/** By QEMU's version; `tools` puts files on file systems and signs. */
export const ROOTS = {
  'qemu-7.2': {
    suites: release('bookworm'),
    ...machine,
    // Its accelerator TCG is a plug-in there.
    drop: machine.drop.filter((name) => name !== 'qemu-system-common'),
  },
  'qemu-10.0': { suites: release('trixie'), ...machine },
  'qemu-11.1': {
    suites: release('trixie'),
    extra: { suite: backports('trixie'), only: /^(qemu-system-(x86|data|common)|seabios|ipxe-qemu)$/ },
    ...machine,
  },
  tools: {
    suites: release('trixie'),
    wanted: [...Object.keys(rootRecipes.image.wanted), 'mtools', 'dosfstools', 'sbsigntool'],
    drop: Object.keys(rootRecipes.image.drop),
  },
} as const satisfies Record<string, RootSpec>;
export type RootName = keyof typeof ROOTS;

/** One package whose files are looked into; nothing of it runs on this machine. */
export interface PackageSpec extends Sources {
  /** The newest package whose name fits. */
  readonly name: RegExp;
}

const from = (codename: Release) => ({ suites: release(codename) });
/** Of the moving release: it drops what the matrix needs, so that it is resolved as of one day for good. */
const fromForky = { ...from('forky'), asOf: '2026-11-05' };
const fromBackports = (codename: Release) => ({ suites: [backports(codename)] });

/** Firmware, stubs and kernels, by kind and version. */
export const PACKAGES = {
  'ovmf-2022.11': { ...from('bookworm'), name: /^ovmf$/ },
  'ovmf-2025.02': { ...from('trixie'), name: /^ovmf$/ },
  'ovmf-2026.08': { ...fromForky, name: /^ovmf-generic$/ },
  'stub-252': { ...from('bookworm'), name: /^systemd-boot-efi$/ },
  'stub-254': { ...fromBackports('bookworm'), name: /^systemd-boot-efi$/ },
  'stub-257': { ...from('trixie'), name: /^systemd-boot-efi$/ },
  'stub-262': { ...fromForky, name: /^systemd-boot-efi$/ },
  'linux-6.1': { ...from('bookworm'), name: /^linux-image-6\.1\.\S+-cloud-amd64$/ },
  'linux-6.12': { ...from('trixie'), name: /^linux-image-6\.12\.\S+-cloud-amd64$/ },
  'linux-7.2': { ...fromBackports('trixie'), name: /^linux-binary-7\.2\.\S+-cloud-amd64$/ },
  shim: { ...from('trixie'), name: /^shim-signed$/ },
} as const satisfies Record<string, PackageSpec>;
export type PackageName = keyof typeof PACKAGES;

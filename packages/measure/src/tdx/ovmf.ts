import { parseGuid } from '../bytes/guid.ts';
import { indexOfBytes } from '../bytes/search.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/** What one build of OVMF does in a TD, as far as builds differ. */
export interface OvmfTraits {
  /** Where the separators of RTMR 0 and 1 stand: a second one in RTMR 0 and none in RTMR 1 (edk2 before efaf8931bb). */
  readonly separators: 'rtmr0-twice' | 'one-each';
  /** Whether values that it reads from fw_cfg are measured. */
  readonly measuresFwCfg: boolean;
  /** Whether it measures SMBIOS (SmbiosMeasurementDxe). */
  readonly measuresSmbios: boolean;
  /** Which boot options it makes by itself. */
  readonly builtinOptions: 'ui-app' | 'boot-manager-menu';
  /** Where `initrd=initrd` goes in the command line of a kernel that QEMU hands over (edk2 a2ac0fea49). */
  readonly initrdArgument: 'suffix' | 'prefix';
  /** Whether it takes the kernel from `etc/boot/kernel`, unpatched, where QEMU serves that. */
  readonly readsUnpatchedKernel: boolean;
}

/** An upstream release, by the digits of its tag: `202502` for `edk2-stable202502`. */
export type OvmfRelease = number;

/** Upstream releases in order; each row holds until the next one. From their source (OvmfPkg, MdeModulePkg). */
const releases: readonly { readonly from: OvmfRelease; readonly traits: OvmfTraits }[] = [
  {
    from: 202305,
    traits: {
      separators: 'rtmr0-twice',
      measuresFwCfg: false,
      measuresSmbios: false,
      builtinOptions: 'ui-app',
      initrdArgument: 'suffix',
      readsUnpatchedKernel: false,
    },
  },
  {
    from: 202411,
    traits: {
      separators: 'one-each',
      measuresFwCfg: false,
      measuresSmbios: false,
      builtinOptions: 'ui-app',
      initrdArgument: 'suffix',
      readsUnpatchedKernel: false,
    },
  },
  {
    from: 202502,
    traits: {
      separators: 'one-each',
      measuresFwCfg: false,
      measuresSmbios: false,
      builtinOptions: 'ui-app',
      initrdArgument: 'suffix',
      readsUnpatchedKernel: true,
    },
  },
  {
    from: 202505,
    traits: {
      separators: 'one-each',
      measuresFwCfg: true,
      measuresSmbios: true,
      builtinOptions: 'boot-manager-menu',
      initrdArgument: 'suffix',
      readsUnpatchedKernel: true,
    },
  },
  {
    from: 202508,
    traits: {
      separators: 'one-each',
      measuresFwCfg: true,
      measuresSmbios: true,
      builtinOptions: 'boot-manager-menu',
      initrdArgument: 'prefix',
      readsUnpatchedKernel: true,
    },
  },
];

/** The last release whose source was read. */
export const newestOvmfRelease: OvmfRelease = 202608;

/** What that release does. Throws `unsupported` for one that has no row. */
export function ovmfTraits(release: OvmfRelease): OvmfTraits {
  const row = release <= newestOvmfRelease ? releases.findLast(({ from }) => release >= from) : undefined;
  if (!row) {
    throw new MeasureError(
      'unsupported',
      `OVMF ${release} is not known in a TD: there are rules for ${releases[0]?.from} to ${newestOvmfRelease}`,
    );
  }
  return row.traits;
}

/** Whether every rule that these traits ask for was compared with a real TD. */
export function areProven(traits: OvmfTraits): boolean {
  return !traits.measuresFwCfg && !traits.measuresSmbios && traits.initrdArgument === 'suffix';
}

/** File names of modules (FILE_GUID in their .inf). */
const modules = {
  /** OvmfPkg/Tcg/TdTcg2Dxe: without it nothing is measured into an RTMR. */
  tdTcg2: parseGuid('f062221e-c607-44c2-b0b4-c3886331d351'),
  /** MdeModulePkg/Universal/SmbiosMeasurementDxe. */
  smbiosMeasurement: parseGuid('d27fed59-abb4-4fed-bead-2a878c7e4a7e'),
  /** MdeModulePkg/Application/BootManagerMenuApp. */
  bootManagerMenu: parseGuid('eec25bdc-67f2-4d95-b1d5-f81b2039d11d'),
  /** SecurityPkg/VariableAuthenticated/SecureBootConfigDxe. */
  secureBootConfig: parseGuid('f0e6a44f-7195-41c3-ac64-54f202cd0a21'),
} as const;

/** Strings that the code holds. */
const strings = {
  /** OvmfPkg/Library/PlatformInitLib: the event data of a measured value. */
  fwCfgEvent: ascii('QEMU FW CFG\0'),
  /** OvmfPkg/QemuKernelLoaderFsDxe. */
  unpatchedKernel: ascii('etc/boot/\0'),
  /** OvmfPkg/Library/GenericQemuLoadImageLib. */
  prefix: ascii('\0initrd=initrd \0'),
  suffix: ascii(' initrd=initrd\0'),
} as const;

/** What a firmware's own code tells of it. */
export interface OvmfEvidence {
  /** False: it measures nothing in a TD. */
  readonly measures: boolean;
  /** Built with Secure Boot, so that it has a SecureBoot variable. */
  readonly secureBoot: boolean;
  /** `separators` is there only where the rest settles it. */
  readonly traits: Omit<OvmfTraits, 'separators'> & {
    readonly separators: OvmfTraits['separators'] | undefined;
  };
}

/**
 * Reads the traits out of the firmware's code: the whole file, and the volumes that it holds compressed.
 * Throws `not-found` when the code has no direct boot at all, as that is then not OVMF.
 */
export function readOvmfTraits(firmware: Uint8Array, volumes: readonly Uint8Array[]): OvmfEvidence {
  const has = (needle: Uint8Array): boolean =>
    [firmware, ...volumes].some((bytes) => indexOfBytes(bytes, needle) >= 0);
  const prefix = has(strings.prefix);
  if (!prefix && !has(strings.suffix))
    throw new MeasureError('not-found', 'The firmware’s code does not show that it is OVMF');
  const readsUnpatchedKernel = has(strings.unpatchedKernel);
  return {
    measures: has(modules.tdTcg2),
    secureBoot: has(modules.secureBootConfig),
    traits: {
      // Later than the change of the separators (202411), whichever release it is.
      separators: readsUnpatchedKernel ? 'one-each' : undefined,
      measuresFwCfg: has(strings.fwCfgEvent),
      measuresSmbios: has(modules.smbiosMeasurement),
      builtinOptions: has(modules.bootManagerMenu) ? 'boot-manager-menu' : 'ui-app',
      initrdArgument: prefix ? 'prefix' : 'suffix',
      readsUnpatchedKernel,
    },
  };
}

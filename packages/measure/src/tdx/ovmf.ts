import { indexOfBytes } from '../bytes/search.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { readFirmwareFiles } from '../uefi/firmware-file.ts';
import { firmwareSectionTypes, readFirmwareSections } from '../uefi/firmware-section.ts';
import { readFirmwareVolume } from '../uefi/firmware-volume.ts';
import { unpackOvmf } from '../uefi/unpack-ovmf.ts';

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
const newestOvmfRelease: OvmfRelease = 202608;

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

/** Names of modules (FILE_GUID in their .inf). */
const modules = {
  /** OvmfPkg/Tcg/TdTcg2Dxe: without it nothing is measured into an RTMR. */
  tdTcg2: 'f062221e-c607-44c2-b0b4-c3886331d351',
  /** MdeModulePkg/Universal/SmbiosMeasurementDxe. */
  smbiosMeasurement: 'd27fed59-abb4-4fed-bead-2a878c7e4a7e',
  /** MdeModulePkg/Application/BootManagerMenuApp. */
  bootManagerMenu: 'eec25bdc-67f2-4d95-b1d5-f81b2039d11d',
  /** SecurityPkg/VariableAuthenticated/SecureBootConfigDxe. */
  secureBootConfig: 'f0e6a44f-7195-41c3-ac64-54f202cd0a21',
} as const;

/** Texts that the code holds. */
const texts = {
  /** OvmfPkg/Library/PlatformInitLib: the event data of a measured value. */
  fwCfgEvent: ascii('QEMU FW CFG'),
  /** OvmfPkg/QemuKernelLoaderFsDxe. */
  unpatchedKernel: ascii('etc/boot/'),
  /** OvmfPkg/Library/GenericQemuLoadImageLib. */
  initrd: ascii('initrd=initrd'),
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

const cache = new WeakMap<Uint8Array, OvmfEvidence>();

/**
 * Reads the traits out of the firmware's code, the compressed part included; the answer for the same array is
 * kept. Throws `not-found` when the code is not OVMF's, and as the readers of volumes and LZMA do.
 */
export function readOvmfTraits(firmware: Uint8Array): OvmfEvidence {
  const found = cache.get(firmware);
  if (found) return found;
  const evidence = readEvidence(firmware, unpackOvmf(firmware));
  cache.set(firmware, evidence);
  return evidence;
}

function readEvidence(firmware: Uint8Array, unpacked: Uint8Array): OvmfEvidence {
  const names = new Set(
    readFirmwareSections(unpacked)
      .filter(({ type }) => type === firmwareSectionTypes.firmwareVolumeImage)
      .flatMap(({ contents }) => readFirmwareFiles(readFirmwareVolume(contents)))
      .map(({ name }) => name),
  );
  const has = (needle: Uint8Array): boolean =>
    [firmware, unpacked].some((bytes) => indexOfBytes(bytes, needle) >= 0);
  const initrd = indexOfBytes(unpacked, texts.initrd);
  if (initrd < 0) throw new MeasureError('not-found', 'The firmware has no direct boot: it is not OVMF');
  const readsUnpatchedKernel = has(texts.unpatchedKernel);
  const space = 0x20;
  return {
    measures: names.has(modules.tdTcg2),
    secureBoot: names.has(modules.secureBootConfig),
    traits: {
      // That came later than the change of the separators.
      separators: readsUnpatchedKernel ? 'one-each' : undefined,
      measuresFwCfg: has(texts.fwCfgEvent),
      measuresSmbios: names.has(modules.smbiosMeasurement),
      builtinOptions: names.has(modules.bootManagerMenu) ? 'boot-manager-menu' : 'ui-app',
      initrdArgument: unpacked[initrd + texts.initrd.length] === space ? 'prefix' : 'suffix',
      readsUnpatchedKernel,
    },
  };
}

import { toHex } from '../bytes/hex.ts';
import { type Hasher, hash } from '../hash.ts';
import type { OvmfFirmware } from '../uefi/ovmf.ts';
import type { QemuMachine } from './machine.ts';
import { encodeMemoryTypes } from './memory-types.ts';
import { encodePlatformInfo } from './platform-info.ts';
import { platformInfoDoubt, platformInfoGap } from './platform-info-limits.ts';
import type { Dependency } from './prediction.ts';

/** The PEI volume as it lies in memory when Tcg2Pei measures it, or why that is not known. */
export type PeiMemory =
  | {
      readonly bytes: Uint8Array;
      /** What the modules have written into their own volume, in words. */
      readonly written: string;
      readonly dependsOn: readonly Dependency[];
      /** Why the rule counts as read in source only, for this machine. */
      readonly doubt: string | undefined;
    }
  | { readonly status: 'host-dependent' | 'unpredictable'; readonly reason: string };

/** Bytes that a module writes over its own variables: PEI runs in the volume that is measured. */
interface Change {
  /** Where in the volume; an offset of this very build. */
  readonly offset: number;
  readonly what: string;
  readonly dependsOn: readonly Dependency[];
  /** `volume` is what the file has; `store` the variable store, absent where it is known to be empty. */
  readonly bytes: (machine: QemuMachine, volume: Uint8Array, store: Uint8Array | undefined) => Uint8Array;
  /** Why the bytes are not known for this machine. */
  readonly gap?: (machine: QemuMachine) => string | undefined;
  /** Why they count as read in source only. */
  readonly doubt?: (machine: QemuMachine) => string | undefined;
}

type Build =
  | { readonly name: string; readonly changes: readonly Change[]; readonly onlyOn?: 'q35' }
  | { readonly name: string; readonly unpredictable: string };

const RUN_FIRMWARE = '"altee measure --run-firmware" reads it from a run of the firmware alone';

/**
 * edk2-stable202502 OvmfPkg/Library/AcpiTimerLib/BaseRomAcpiTimerLib.c: PeiCore keeps the timer's port, which is 8
 * above the power management's base: 0x600 on ICH9, 0xb000 on PIIX4.
 */
const acpiTimerPorts = { q35: [0x08, 0x06], pc: [0x08, 0xb0] } as const;

function acpiTimer(offset: number): Change {
  return {
    offset,
    what: 'the port of the ACPI timer, which PeiCore keeps',
    dependsOn: ['vmm'],
    bytes: ({ chipset }) => Uint8Array.from(acpiTimerPorts[chipset]),
  };
}

function platformInfo(offset: number, smm: boolean): Change {
  return {
    offset,
    what: 'what PlatformPei found of the machine (EFI_HOB_PLATFORM_INFO)',
    dependsOn: ['ram', 'vcpus', 'cpu-model', 'vmm'],
    bytes: (machine) => encodePlatformInfo(machine, smm),
    gap: (machine) => platformInfoGap(machine, smm),
    doubt: platformInfoDoubt,
  };
}

/**
 * edk2-stable202211 OvmfPkg/PlatformPei/MemTypeInfo.c: in builds with SMM PlatformPei takes over from the variable
 * MemoryTypeInformation what is larger there than in its own table.
 */
function memoryTypes(offset: number): Change {
  return {
    offset,
    what: 'how much memory the variable MemoryTypeInformation asks for',
    dependsOn: ['firmware'],
    bytes: (_machine, volume, store) => encodeMemoryTypes(volume.subarray(offset), store),
  };
}

/** UefiCpuPkg/Library/SmmRelocationLib, which runs in PlatformPei. */
const smmRelocation =
  'When it moves SMRAM this firmware writes into its own PEI volume, before it measures it: control registers, ' +
  `addresses of code and stacks, which follow from QEMU, processor, memory and devices; ${RUN_FIRMWARE}`;

/**
 * Builds by the SHA-256 of the PEI volume in the file; each row with changes was compared with what a TPM got from
 * the running firmware, on several machines. Files that differ in their DXE volume or reset code share a row.
 */
const builds: Readonly<Record<string, Build>> = {
  '471281a7d197d12ac61a810e5150b9b5ddc47be78ef0c24af7a8192c81b3a808': {
    name: 'Debian OVMF 2022.11 (OVMF_CODE_4M.fd)',
    changes: [platformInfo(0xe0d8, false)],
  },
  dd099b33f9e54526542b92036e12aed1af73d17f0cdeaa12ab02b1030953ac4c: {
    name: 'Debian OVMF 2022.11 (OVMF_CODE_4M.secboot.fd)',
    changes: [memoryTypes(0xe080), platformInfo(0xe0d8, true)],
    onlyOn: 'q35',
  },
  '1440b60c780300e2f89f2e41889c925c67edcb2586fce49d37bf6561b467e9ce': {
    name: 'Debian OVMF 2022.11-6+deb12u1 (OVMF_CODE_4M.fd)',
    changes: [platformInfo(0xe0d8, false)],
  },
  '7f27eda2f517ef58dd8ccffa1c81617e8d89480eb3267eaa2d2edbf6d661d34d': {
    name: 'Debian OVMF 2022.11-6+deb12u1 (OVMF_CODE_4M.secboot.fd)',
    changes: [memoryTypes(0xe080), platformInfo(0xe0d8, true)],
    onlyOn: 'q35',
  },
  '87418435e3d27de6a43c5ce2341e89794878c8d26987acbf8240c33a57fb7643': {
    name: 'Debian OVMF 2022.11-6+deb12u1 (OVMF_CODE.fd, OVMF.fd)',
    changes: [platformInfo(0xef58, false)],
  },
  '18e2c1cc4960c2694c162e8e756fbf467aaeceee7dbfe1e1dd919ffb2cd9a9d2': {
    name: 'Debian OVMF 2022.11 (OVMF_CODE.fd, OVMF.fd)',
    changes: [platformInfo(0xefd8, false)],
  },
  acc7cc32f3e05161d1620022562909c284f700d73082cf7ac159451a3f7c7212: {
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.fd, OVMF.fd)',
    changes: [acpiTimer(0x6e50)],
  },
  '98cf2a7e49cbca9a9b7796d1edf9ac412db5b4541865f1953017f74041ef4358': {
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.secboot.fd)',
    unpredictable: smmRelocation,
  },
  '10e48f005bc9f46830c4596b9ab6f8d0b98427f08e17d6d0e6eef582a7b12512': {
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.fd, OVMF.fd, OVMF.legacy.fd)',
    changes: [],
  },
  '7dc26c2a9bf8da46a397aa48736acb6c5af6960e03975bc20e425fb5f59c76fc': {
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.secboot.fd)',
    unpredictable: smmRelocation,
  },
  c36188584410e7016fe88dc47b9c298f2e87102d59059cf04f803d8bf6585365: {
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.secboot.strictnx.fd)',
    unpredictable: smmRelocation,
  },
};

/** What the PEI volume of this firmware will hold on this machine when it is measured. */
export function peiInMemory(
  { pei, version, smm }: OvmfFirmware,
  machine: QemuMachine | undefined,
  hasher: Hasher,
  store?: Uint8Array,
): PeiMemory {
  const build = builds[toHex(hash(hasher, 'sha256', pei.bytes))];
  if (!build) return { status: 'unpredictable', reason: unknownBuild(version, smm) };
  if ('unpredictable' in build) return { status: 'unpredictable', reason: build.unpredictable };
  const { changes, onlyOn } = build;
  if (changes.length === 0) {
    return { bytes: pei.bytes, written: 'nothing', dependsOn: [], doubt: undefined };
  }
  const written = changes.map(({ what }) => what).join(', ');
  if (!machine) {
    return {
      status: 'host-dependent',
      reason: `The measured volume holds ${written}, and the virtual machine is not described`,
    };
  }
  if (onlyOn !== undefined && machine.chipset !== onlyOn) {
    return { status: 'unpredictable', reason: `${build.name} does not start on chipset ${machine.chipset}` };
  }
  const gaps = changes.flatMap(({ gap }) => gap?.(machine) ?? []);
  if (gaps.length > 0) {
    return { status: 'host-dependent', reason: `The measured volume holds ${written}; ${gaps.join('; ')}` };
  }
  const bytes = Uint8Array.from(pei.bytes);
  for (const change of changes) bytes.set(change.bytes(machine, pei.bytes, store), change.offset);
  const doubts = changes.flatMap(({ doubt }) => doubt?.(machine) ?? []);
  return {
    bytes,
    written,
    dependsOn: changes.flatMap(({ dependsOn }) => dependsOn),
    doubt: doubts.length === 0 ? undefined : doubts.join('; '),
  };
}

function unknownBuild(version: string | undefined, smm: boolean): string {
  const named = version ? `This build of OVMF (${version})` : 'This build of OVMF';
  return smm
    ? `${named} is not known, and builds with system management mode write into what they measure; ${RUN_FIRMWARE}`
    : `${named} is not known: what its modules write into the volume that they measure differs from build to build; ${RUN_FIRMWARE}`;
}

import { defaultHasher, type Hasher, hash } from '../hash.ts';
import type { SnpCpu } from '../snp/cpu-model.ts';
import { readSnpFirmware, type SnpFirmware } from '../snp/firmware.ts';
import type { SevDirectBoot } from '../snp/kernel-hashes.ts';
import { type LaunchRange, type SnpGuest, snpLaunchDigest, snpLaunchRanges } from '../snp/launch.ts';
import type { SectionKind } from '../snp/sev-metadata.ts';
import { type SnpVmm, vmsaClause } from '../snp/vmsa.ts';
import type { Dependency, LaunchEventType, PredictedEvent, Prediction } from './prediction.ts';

/** An SEV-SNP guest. */
export interface SnpPredictionInput {
  /** The firmware file, or what was read of it before, as its pages need to be hashed only once; absent when not known. */
  readonly firmware?: Uint8Array | SnpFirmware | undefined;
  readonly vmm: SnpVmm;
  readonly vcpus: number;
  readonly cpu: SnpCpu;
  /** SEV_FEATURES; SNPActive alone by default, as QEMU sets it. */
  readonly guestFeatures?: bigint | undefined;
  /** The image, when the VMM starts it with `-kernel` and `kernel-hashes=on`; absent when firmware boots a disk. */
  readonly directBoot?: SevDirectBoot | undefined;
}

const banks = ['sha384'] as const;
const register = 'LAUNCH_DIGEST';
const common = { register, registerIndex: 0, stage: 'launch', dataIsExact: true } as const;

/**
 * What an SEV-SNP processor measures of a guest before it runs: one register, the launch digest. Throws a
 * `MeasureError` when the firmware can't start such a guest: `not-found` where it lacks what is needed.
 */
export function predictSnp(input: SnpPredictionInput, hasher: Hasher = defaultHasher): Prediction {
  const { vmm, vcpus, cpu, guestFeatures = 1n, directBoot } = input;
  if (!input.firmware) return withoutFirmware(directBoot);
  const firmware =
    input.firmware instanceof Uint8Array ? readSnpFirmware(input.firmware, hasher) : input.firmware;
  const guest: SnpGuest = { firmware, vmm, vcpus, cpuSignature: cpu.signature, guestFeatures, directBoot };
  const ranges = snpLaunchRanges(guest, hasher);
  const doubt = findDoubt({ ...input, guestFeatures });
  return {
    technology: 'snp',
    banks,
    registers: [
      {
        register,
        registerIndex: 0,
        status: doubt === undefined ? 'predicted' : 'assumed',
        reason: doubt ?? coverage(directBoot),
        covers: covers(directBoot),
        events: ranges.map((range) => launchEvent(range, guest, hasher)),
        values: { sha384: snpLaunchDigest(guest, hasher, ranges) },
      },
    ],
  };
}

function withoutFirmware(directBoot: SevDirectBoot | undefined): Prediction {
  const reason = 'The firmware is not known, whose pages are the most of what is measured';
  const unknown = {
    status: 'host-dependent',
    reason,
    covers: covers(directBoot),
    events: [],
    values: {},
  } as const;
  return { technology: 'snp', banks, registers: [{ register, registerIndex: 0, ...unknown }] };
}

function covers(directBoot: SevDirectBoot | undefined): string {
  return directBoot
    ? 'Firmware and the processors’ initial state, and by their hashes the image and its command line'
    : 'Firmware and the processors’ initial state; not the image';
}

function coverage(directBoot: SevDirectBoot | undefined): string {
  return directBoot
    ? 'Firmware refuses any other image than the one whose hash is measured; disks, firmware variables and host data are not covered'
    : 'Firmware is all that is measured: the image is read from a disk later, and the launch digest is the same for every image';
}

/** Values that published digests hold; any other is put at the same place, but was never compared. */
const comparedFeatures: ReadonlySet<bigint> = new Set([0x1n, 0x21n]);

/** Why the value may be wrong. */
function findDoubt(input: SnpPredictionInput & { guestFeatures: bigint }): string | undefined {
  const { vmm, vcpus, cpu, guestFeatures } = input;
  if (vmm === 'qemu' && !cpu.isProven) {
    return `The CPUID signature of ${cpu.name} was not compared with a guest or with QEMU`;
  }
  if (vmm !== 'qemu' && vcpus > 1) {
    return `How ${vmm === 'ec2' ? 'EC2' : 'GCE'} starts the second and further processors was read in source only`;
  }
  if (!comparedFeatures.has(guestFeatures)) {
    return `No published launch digest has guest features 0x${guestFeatures.toString(16)}`;
  }
  return undefined;
}

const eventTypes: Readonly<Record<LaunchRange['type'], LaunchEventType>> = {
  normal: 'PAGE_TYPE_NORMAL',
  vmsa: 'PAGE_TYPE_VMSA',
  zero: 'PAGE_TYPE_ZERO',
  unmeasured: 'PAGE_TYPE_UNMEASURED',
  secrets: 'PAGE_TYPE_SECRETS',
  cpuid: 'PAGE_TYPE_CPUID',
};

const abi = 'SEV-SNP Firmware ABI 1.55, 8.17.2';
const noContents = new Uint8Array(48);

function launchEvent(range: LaunchRange, guest: SnpGuest, hasher: Hasher): PredictedEvent {
  const page = 'page' in range ? range.page : undefined;
  return {
    ...common,
    eventType: eventTypes[range.type],
    digests: { sha384: contentsDigest(range, guest, hasher) },
    data: page ?? new Uint8Array(0),
    ...describe(range, guest),
  };
}

/** Of firmware: the launch digest after its last page, which is what other tools print as its hash. */
function contentsDigest(range: LaunchRange, { firmware }: SnpGuest, hasher: Hasher): Uint8Array {
  if (range.what === 'firmware') return firmware.pagesDigest;
  return 'page' in range ? hash(hasher, 'sha384', range.page) : noContents;
}

type Description = Pick<PredictedEvent, 'source' | 'clause' | 'dependsOn' | 'description'>;

function describe(range: LaunchRange, guest: SnpGuest): Description {
  const { what, gpa, size: length } = range;
  const where = `at 0x${gpa.toString(16)}`;
  switch (what) {
    case 'firmware':
      return {
        source: { kind: 'firmware', part: 'file', offset: 0, length },
        clause: `${abi}; QEMU hw/i386/x86-common.c`,
        dependsOn: ['firmware'],
        description: `firmware, ${length} bytes ${where}, page by page`,
      };
    case 'kernel-hashes':
      return {
        source: { kind: 'computed', from: 'SHA-256 of command line, initrd and kernel', length },
        clause: `${abi}; QEMU target/i386/sev.c \`build_kernel_loader_hashes\``,
        dependsOn: ['image', 'command-line', 'firmware'],
        description: `hashes of command line, initrd and kernel ${where}`,
      };
    case 'boot-processor':
    case 'application-processors':
      return describeProcessors(what, guest, length);
    default:
      return {
        source: { kind: 'computed', from: 'firmware’s SEV metadata', length },
        clause: `${abi}; edk2 OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm`,
        dependsOn: guest.vmm === 'qemu' ? ['firmware'] : ['firmware', 'vmm'],
        description: `${sectionNames[what]}, ${length} bytes ${where}: only its place is measured`,
      };
  }
}

function describeProcessors(
  what: 'boot-processor' | 'application-processors',
  { vmm, vcpus }: SnpGuest,
  length: number,
): Description {
  const state: Dependency[] = ['vmm', ...(vmm === 'qemu' ? (['cpu-model'] as const) : []), 'guest-features'];
  const others = vcpus === 2 ? 'the second processor' : `processors 2 to ${vcpus}`;
  const isFirst = what === 'boot-processor';
  return {
    source: { kind: 'computed', from: 'VMM, processor model, guest features', length },
    clause: `${abi}; ${vmsaClause(vmm)}`,
    dependsOn: isFirst ? state : ['vcpus', ...state, 'firmware'],
    description: `initial state of ${isFirst ? 'the first processor' : others}`,
  };
}

const sectionNames: Readonly<Record<SectionKind, string>> = {
  SNP_SEC_MEM: 'firmware’s early memory',
  SNP_SECRETS: 'secrets page',
  CPUID: 'CPUID page',
  SVSM_CAA: 'calling area of a service module',
  SNP_KERNEL_HASHES: 'place for kernel hashes, empty',
};

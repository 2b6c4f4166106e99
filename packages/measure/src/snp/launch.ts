import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher } from '../hash.ts';
import type { SnpFirmware } from './firmware.ts';
import { kernelHashPage, kernelHashTable, type SevDirectBoot } from './kernel-hashes.ts';
import { PageDigest, type PageType, vmsaGpa } from './page-digest.ts';
import { pageSize, type SectionKind, type SevSection } from './sev-metadata.ts';
import { checkVcpus, encodeVmsa, resetVector, type SnpVmm } from './vmsa.ts';

/** An SEV-SNP guest as far as its launch digest goes. */
export interface SnpGuest {
  readonly firmware: SnpFirmware;
  readonly vmm: SnpVmm;
  readonly vcpus: number;
  /** CPUID Fn0000_0001_EAX; only QEMU's guests depend on it. */
  readonly cpuSignature: number;
  /** SEV_FEATURES: 0x1 alone, or with DebugSwap 0x21. */
  readonly guestFeatures: bigint;
  /** What `-kernel` brings with `kernel-hashes=on`. */
  readonly directBoot?: SevDirectBoot | undefined;
}

/** Memory that is measured in one go. */
export type LaunchRange = {
  readonly gpa: bigint;
  /** Bytes; of processors one page each, all at one address. */
  readonly size: number;
} & (
  | { readonly what: 'firmware'; readonly type: 'normal' }
  /** One page, whose contents count. */
  | { readonly what: 'kernel-hashes'; readonly type: 'normal'; readonly page: Uint8Array }
  /** As many equal pages as there are processors of the kind. */
  | {
      readonly what: 'boot-processor' | 'application-processors';
      readonly type: 'vmsa';
      readonly page: Uint8Array;
    }
  | { readonly what: SectionKind; readonly type: Exclude<PageType, 'normal' | 'vmsa'> }
);

/** How each kind of range is measured. */
const pageTypeOf: Readonly<Record<SectionKind, Exclude<PageType, 'normal' | 'vmsa'>>> = {
  SNP_SEC_MEM: 'zero',
  SNP_SECRETS: 'secrets',
  CPUID: 'cpuid',
  SVSM_CAA: 'zero',
  SNP_KERNEL_HASHES: 'zero',
};

/**
 * Everything that is measured at an SEV-SNP guest's launch, in order: firmware, the ranges that its metadata
 * names, the processors (QEMU target/i386/sev.c `sev_snp_launch_finish`). Throws `not-found` when the firmware lacks
 * what the guest needs, `malformed` for facts that no guest can have.
 */
export function snpLaunchRanges(guest: SnpGuest, hasher: Hasher = defaultHasher): LaunchRange[] {
  const { firmware, vcpus, guestFeatures } = guest;
  checkVcpus(vcpus);
  if (guestFeatures < 0n || guestFeatures >= 1n << 64n || (guestFeatures & 1n) === 0n) {
    throw new MeasureError(
      'malformed',
      `Guest features 0x${guestFeatures.toString(16)} are not those of an SEV-SNP guest: bit 0 must be set`,
    );
  }
  const pages: LaunchRange = {
    what: 'firmware',
    type: 'normal',
    gpa: BigInt(firmware.gpa),
    size: firmware.size,
  };
  const sections = inOrder(guest).map((section) => sectionRange(guest, section, hasher));
  return [pages, ...sections, ...processors(guest)];
}

/** The launch digest: what an attestation report's MEASUREMENT will be. `ranges` are those of the guest. */
export function snpLaunchDigest(
  guest: SnpGuest,
  hasher: Hasher = defaultHasher,
  ranges: readonly LaunchRange[] = snpLaunchRanges(guest, hasher),
): Uint8Array {
  const digest = new PageDigest(hasher, guest.firmware.pagesDigest);
  for (const range of ranges) addRange(digest, range);
  return digest.value;
}

function addRange(digest: PageDigest, range: LaunchRange): void {
  if (range.what === 'firmware') return; // In the digest already.
  if (!('page' in range)) {
    digest.addRange(range.type, range.gpa, range.size);
    return;
  }
  for (let done = 0; done < range.size; done += pageSize)
    digest.addContents(range.type, range.gpa, range.page);
}

/** EC2 puts the CPUID page behind all others (virtee/sev-snp-measure guest.py). */
function inOrder({ vmm, firmware, directBoot }: SnpGuest): SevSection[] {
  const { sections } = firmware;
  if (directBoot && !sections.some(({ kind }) => kind === 'SNP_KERNEL_HASHES')) {
    throw new MeasureError('not-found', 'The firmware has no place for kernel hashes in its SEV metadata');
  }
  if (vmm !== 'ec2') return [...sections];
  return [
    ...sections.filter(({ kind }) => kind !== 'CPUID'),
    ...sections.filter(({ kind }) => kind === 'CPUID'),
  ];
}

function sectionRange(
  { vmm, firmware, directBoot }: SnpGuest,
  section: SevSection,
  hasher: Hasher,
): LaunchRange {
  const { kind, size } = section;
  const range = { gpa: BigInt(section.gpa), size };
  if (kind === 'SNP_KERNEL_HASHES' && directBoot) {
    const { hashTable } = firmware;
    if (!hashTable || hashTable.gpa < section.gpa || hashTable.gpa >= section.gpa + size) {
      throw new MeasureError(
        'malformed',
        'The firmware’s table of kernel hashes is not in the page that its SEV metadata names',
      );
    }
    return {
      ...range,
      what: 'kernel-hashes',
      type: 'normal',
      page: kernelHashPage(kernelHashTable(directBoot, hasher), hashTable),
    };
  }
  // GCE leaves firmware's early memory unmeasured (google/gce-tcb-verifier sev/ld_from_ovmf.go).
  const type = kind === 'SNP_SEC_MEM' && vmm === 'gce' ? 'unmeasured' : pageTypeOf[kind];
  return { ...range, what: kind, type };
}

function processors({ firmware, vmm, vcpus, cpuSignature, guestFeatures }: SnpGuest): LaunchRange[] {
  const common = { vmm, cpuSignature, guestFeatures };
  const boot = encodeVmsa({ ...common, start: resetVector, isBootProcessor: true });
  const range = { type: 'vmsa', gpa: vmsaGpa } as const;
  const first: LaunchRange = { ...range, what: 'boot-processor', size: boot.length, page: boot };
  if (vcpus === 1) return [first];
  if (firmware.resetAddress === undefined || firmware.resetAddress === 0) {
    throw new MeasureError(
      'not-found',
      'The firmware does not say where further processors start (SEV-ES reset block)',
    );
  }
  const other = encodeVmsa({ ...common, start: firmware.resetAddress, isBootProcessor: false });
  return [first, { ...range, what: 'application-processors', size: (vcpus - 1) * other.length, page: other }];
}

import { MeasureError } from '../error.ts';
import { pageSize } from './sev-metadata.ts';

/** Whose initial processor state it is. */
export type SnpVmm = 'qemu' | 'ec2' | 'gce';

/** What one VMM's save areas differ in from the others'. */
interface VmmState {
  /** CS attributes: of the first processor, of the others. */
  readonly cs: readonly [boot: number, application: number];
  readonly ss: number;
  readonly tr: number;
  /** RDX; QEMU resets it to the CPUID signature. */
  readonly rdx: number | 'cpuid-signature';
  readonly pat: bigint;
  readonly mxcsr: number;
  readonly fcw: number;
  /** Where the rule is from. */
  readonly clause: string;
}

/** The power-on PAT (AMD64 Architecture Programmer's Manual 2, 7.8.2). */
const resetPat = 0x0007_0406_0007_0406n;

/**
 * Initial state by VMM. QEMU: with a host kernel that sets MXCSR and the x87 control word (KVM_SEV_INIT2, Linux 6.10 and
 * later, which is also the first upstream kernel to host SEV-SNP). EC2: as since 2026, when RDX came to be 0x600.
 */
const states: Readonly<Record<SnpVmm, VmmState>> = {
  qemu: {
    cs: [0x9b, 0x9b],
    ss: 0x93,
    tr: 0x8b,
    rdx: 'cpuid-signature',
    pat: resetPat,
    mxcsr: 0x1f80,
    fcw: 0x37f,
    clause: 'QEMU target/i386/cpu.c `x86_cpu_reset_hold`; Linux arch/x86/kvm/svm/sev.c `sev_es_sync_vmsa`',
  },
  ec2: {
    cs: [0x9a, 0x9b],
    ss: 0x92,
    tr: 0x83,
    rdx: 0x600,
    pat: resetPat,
    mxcsr: 0,
    fcw: 0,
    clause: 'virtee/sev-snp-measure 0.0.13',
  },
  gce: {
    cs: [0x9b, 0x9b],
    ss: 0x93,
    tr: 0x8b,
    rdx: 0x600,
    pat: 0x0007_0106n,
    mxcsr: 0,
    fcw: 0,
    clause: 'google/gce-tcb-verifier sev/ld_from_ovmf.go `VmsaV1`',
  },
};

export interface VmsaOptions {
  readonly vmm: SnpVmm;
  /** CPUID Fn0000_0001_EAX. */
  readonly cpuSignature: number;
  /** SEV_FEATURES; 0 for SEV-ES. */
  readonly guestFeatures: bigint;
  /** Where the processor starts: firmware's reset vector for the first, the reset block's address for the others. */
  readonly start: number;
  readonly isBootProcessor: boolean;
}

/** x86 processors start here. */
export const resetVector = 0xffff_fff0;

/** Which document says how this VMM's processors start. */
export const vmsaClause = (vmm: SnpVmm): string => states[vmm].clause;

/** Offsets in the save area (AMD64 Architecture Programmer's Manual 2, table B-4). */
const segments = {
  es: 0x00,
  cs: 0x10,
  ss: 0x20,
  ds: 0x30,
  fs: 0x40,
  gs: 0x50,
  gdtr: 0x60,
  ldtr: 0x70,
  idtr: 0x80,
  tr: 0x90,
};
const fields = {
  efer: 0xd0,
  cr4: 0x148,
  cr0: 0x158,
  dr7: 0x160,
  dr6: 0x168,
  rflags: 0x170,
  rip: 0x178,
  gPat: 0x268,
  rdx: 0x310,
  sevFeatures: 0x3b0,
  xcr0: 0x3e8,
  mxcsr: 0x408,
  x87Fcw: 0x410,
};

/** The page in which a processor's initial state is measured: the VM save area, zero to its end. */
export function encodeVmsa({
  vmm,
  cpuSignature,
  guestFeatures,
  start,
  isBootProcessor,
}: VmsaOptions): Uint8Array {
  const state = states[vmm];
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  const segment = (at: number, attributes: number, selector = 0, base = 0) => {
    view.setUint16(at, selector, true);
    view.setUint16(at + 2, attributes, true);
    view.setUint32(at + 4, 0xffff, true);
    view.setBigUint64(at + 8, BigInt(base), true);
  };
  for (const at of [segments.es, segments.ds, segments.fs, segments.gs]) segment(at, 0x93);
  segment(segments.cs, state.cs[isBootProcessor ? 0 : 1], 0xf000, (start & 0xffff_0000) >>> 0);
  segment(segments.ss, state.ss);
  segment(segments.gdtr, 0);
  segment(segments.idtr, 0);
  segment(segments.ldtr, 0x82);
  segment(segments.tr, state.tr);
  const u64 = (at: number, value: bigint) => view.setBigUint64(at, value, true);
  u64(fields.efer, 0x1000n); // EFER.SVME, which KVM forces
  u64(fields.cr4, 0x40n); // CR4.MCE, which KVM forces
  u64(fields.cr0, 0x10n);
  u64(fields.dr7, 0x400n);
  u64(fields.dr6, 0xffff_0ff0n);
  u64(fields.rflags, 2n);
  u64(fields.rip, BigInt(start & 0xffff));
  u64(fields.gPat, state.pat);
  u64(fields.rdx, BigInt(state.rdx === 'cpuid-signature' ? cpuSignature >>> 0 : state.rdx));
  u64(fields.sevFeatures, guestFeatures);
  u64(fields.xcr0, 1n);
  view.setUint32(fields.mxcsr, state.mxcsr, true);
  view.setUint16(fields.x87Fcw, state.fcw, true);
  return page;
}

/** A number of processors that a machine can have; anything else is `malformed`. */
export function checkVcpus(vcpus: number): void {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > 4096) {
    throw new MeasureError('malformed', `Not a number of processors: ${vcpus}`);
  }
}

/** Family, model and stepping as one talks of them. */
interface Identity {
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
}

/** CPUID Fn0000_0001_EAX (AMD publication 25481, "Family, Model, Stepping Identifiers"). */
export function cpuidSignature({ family, model, stepping }: Identity): number {
  const base = Math.min(family, 0xf);
  const extended = family - base;
  return (extended << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 0xf) << 4) | stepping;
}

const naples = { family: 23, model: 1, stepping: 2 };
const rome = { family: 23, model: 49, stepping: 0 };
const milan = { family: 25, model: 1, stepping: 1 };
const genoa = { family: 25, model: 17, stepping: 0 };
const turin = { family: 26, model: 0, stepping: 0 };

/**
 * QEMU's models of AMD server processors (QEMU target/i386/cpu.c `builtin_x86_defs`). `isProven`: the identity was
 * read out of QEMU or gives a published launch digest.
 */
const models = {
  EPYC: { ...naples, isProven: true },
  'EPYC-v1': { ...naples, isProven: true },
  'EPYC-v2': { ...naples, isProven: true },
  'EPYC-IBPB': { ...naples, isProven: true },
  'EPYC-v3': { ...naples, isProven: true },
  'EPYC-v4': { ...naples, isProven: true },
  'EPYC-Rome': { ...rome, isProven: true },
  'EPYC-Rome-v1': { ...rome, isProven: true },
  'EPYC-Rome-v2': { ...rome, isProven: true },
  'EPYC-Rome-v3': { ...rome, isProven: true },
  'EPYC-Rome-v4': { ...rome, isProven: true },
  'EPYC-Milan': { ...milan, isProven: true },
  'EPYC-Milan-v1': { ...milan, isProven: true },
  'EPYC-Milan-v2': { ...milan, isProven: true },
  'EPYC-Genoa': { ...genoa, isProven: true },
  'EPYC-Genoa-v1': { ...genoa, isProven: true },
  'EPYC-Turin': { ...turin, isProven: false },
} as const;

export type SnpCpuModel = keyof typeof models;
export const snpCpuModels = Object.keys(models) as [SnpCpuModel, ...SnpCpuModel[]];

/** A processor as the VMM presents it. */
export interface SnpCpu {
  readonly name: string;
  /** CPUID Fn0000_0001_EAX. */
  readonly signature: number;
  readonly isProven: boolean;
}

/** The processor that QEMU presents under that name. */
export function findSnpCpu(name: SnpCpuModel): SnpCpu {
  const model = models[name];
  return { name, signature: cpuidSignature(model), isProven: model.isProven };
}

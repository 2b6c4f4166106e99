import { z } from 'zod';
import { BuilderError } from '../error.ts';
import type { QmpQuery } from './qmp-query.ts';

/** What the machine's processors tell firmware by CPUID, as far as its memory map depends on it. */
export interface CpuFacts {
  /** CPUID 0: `GenuineIntel`. */
  readonly vendor: string;
  /** CPUID 0x80000008, EAX 7:0 (MAXPHYADDR). */
  readonly physicalAddressBits: number;
  /** CPUID 0x80000008, EAX 23:16; 0 where QEMU does not tell the guest. */
  readonly guestPhysicalAddressBits: number;
  /** Pages of 1 GiB. */
  readonly gigabytePages: boolean;
  /** Paging with 5 levels. */
  readonly la57: boolean;
}

const Processors = z.array(z.object({ 'qom-path': z.string() }));

/** Asks QEMU for the properties of its first processor (qom/object.c; target/i386/cpu.c). */
export async function readCpuFacts(qmp: QmpQuery): Promise<CpuFacts> {
  const [first] = await qmp.execute('query-cpus-fast', {}, Processors);
  const path = first?.['qom-path'];
  if (path === undefined) throw new BuilderError('machine-failed', 'QEMU lists no processor');
  const get = <T>(property: string, shape: z.ZodType<T>) => qmp.execute('qom-get', { path, property }, shape);
  return {
    vendor: await get('vendor', z.string()),
    physicalAddressBits: await get('phys-bits', z.int()),
    // Unknown to QEMU before 9.1, which tells the guest nothing then.
    guestPhysicalAddressBits: await get('guest-phys-bits', z.int()).catch((error: unknown) => {
      if (error instanceof BuilderError) return 0;
      throw error;
    }),
    gigabytePages: await get('pdpe1gb', z.boolean()),
    la57: await get('la57', z.boolean()),
  };
}

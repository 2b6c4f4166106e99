import { toHex } from '@altee/measure';
import type { Outcome } from './run.ts';

/** The events of all registers that differ or have no value: observed digests beside predicted ones, SHA-256. */
export function describeEvents({ registers, prediction, boot }: Outcome): string[] {
  return registers
    .filter(({ status }) => status !== 'equal')
    .flatMap(({ register, registerIndex, reason }) => {
      const predicted = prediction.registers.find((each) => each.register === register)?.events ?? [];
      const observed = boot.tpm.extends.filter(({ pcr }) => pcr === registerIndex);
      const rows = Array.from({ length: Math.max(predicted.length, observed.length) }, (_, index) => {
        const event = predicted[index];
        const wanted = event?.digests.sha256 ? toHex(event.digests.sha256).slice(0, 16) : '-'.padEnd(16);
        const got = observed[index]?.digests.sha256?.slice(0, 16) ?? '-'.padEnd(16);
        return `  ${wanted === got ? '=' : '!'} ${wanted} ${got} ${event?.description ?? ''}`;
      });
      return [`${register}: ${reason}`, ...rows];
    });
}

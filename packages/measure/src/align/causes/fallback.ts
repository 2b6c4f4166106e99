import { toHex } from '../../bytes/hex.ts';
import type { Dependency } from '../../predict/prediction.ts';
import { type Cause, type CauseRule, likely, typeOf } from '../cause.ts';

/** What each dependency of an event is, in words. */
const dependencies: Readonly<Record<Dependency, string>> = {
  image: 'the image',
  stub: 'the stub',
  kernel: 'the kernel',
  firmware: 'the firmware',
  'secure-boot': 'whether Secure Boot is on',
  'secure-boot-keys': 'the Secure Boot keys',
  'boot-option': 'the boot options',
  'boot-order': 'the boot order',
  'partition-table': 'the partition table',
  devices: 'the devices',
  smbios: 'the SMBIOS tables',
  acpi: 'the ACPI tables',
  ram: 'the RAM size',
  vcpus: 'the number of processors',
  'cpu-model': 'the CPU model',
  vmm: 'the VMM',
  'guest-features': 'the guest’s features',
  'command-line': 'the command line',
  'side-files': 'the files beside the image',
  cloud: 'the cloud',
  'reference-log': 'the reference log',
};

/** Events that only stand in another place. */
export const orderCause: CauseRule = ({ row, register }) => {
  const digests = (event: typeof row): string =>
    [...(event.observed?.event.digests.values() ?? Object.values(event.predicted?.digests ?? {}))]
      .map(toHex)
      .join();
  if (row.relation === 'equal' || row.relation === 'changed') return undefined;
  const other = row.relation === 'missing' ? 'extra' : 'missing';
  const moved = register.rows.some((each) => each.relation === other && shares(each, row));
  if (!moved || digests(row) === '') return undefined;
  return likely('order', 'The same was measured in another order: firmware or loader of another version');
};

function shares(a: Parameters<CauseRule>[0]['row'], b: Parameters<CauseRule>[0]['row']): boolean {
  const missing = a.relation === 'missing' ? a : b;
  const extra = a.relation === 'extra' ? a : b;
  if (missing.relation !== 'missing' || extra.relation !== 'extra') return false;
  return Object.entries(missing.predicted.digests).some(([bank, digest]) => {
    const seen = extra.observed.event.digests.get(bank);
    return seen !== undefined && toHex(seen) === toHex(digest);
  });
}

/** Registers that the running system extends itself. */
export const runtimeCause: CauseRule = ({ row, register, position }) => {
  if (
    row.relation !== 'extra' ||
    !register.rows.slice(position).every(({ relation }) => relation === 'extra')
  )
    return undefined;
  const { event, said } = row.observed;
  const isSystem =
    event.untrustedContentType !== undefined ||
    /^"(enter-initrd|leave-initrd|sysinit|ready|shutdown|final|machine-id:|file-system:|cryptsetup:)/.test(
      said.text,
    );
  if (isSystem || register.register === 'RTMR3')
    return likely('runtime', `The running system extended the register: ${said.text}`);
  return undefined;
};

/** What is left: that it depends on something is all that is known. */
export const anyCause: CauseRule = ({ row }): Cause => {
  if (row.relation === 'extra')
    return likely(
      'unknown',
      `Something was measured that was not predicted: ${typeOf(row)} ${row.observed.said.text}`,
    );
  // A file may name dependencies of another version.
  const words = row.predicted.dependsOn.map((each) =>
    Object.hasOwn(dependencies, each) ? dependencies[each as Dependency] : each,
  );
  const all =
    words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : (words[0] ?? 'something');
  return likely('unknown', `It follows from ${all}: one of them is not as predicted`);
};

import type { Lock } from '@altee/manifest';
import { alteeMachine, type MachineDescription, parseQemuCommand } from '@altee/measure';
import type { Platform } from '../platform/platform.ts';

const QEMU_PACKAGE = 'qemu-system-x86';
const MIB = 2 ** 20;

/**
 * The machine that the platform's own command line describes, or else the one that "altee run" boots a platform on under
 * TCG. `undefined` where the lock has no QEMU, or where nobody says whether there is a network.
 */
export function lockedMachine(
  lock: Lock,
  platform: Platform,
  network: boolean | undefined,
): MachineDescription | undefined {
  const version = qemuVersion(lock);
  if (version === undefined) return undefined;
  if (platform.command !== undefined)
    return parseQemuCommand(['qemu-system-x86_64', ...platform.command], version);
  if (network === undefined) return undefined;
  return alteeMachine({
    qemuVersion: version,
    vcpus: platform.vcpus,
    memoryMib: Math.floor(platform.memoryBytes / MIB),
    tpm: platform.tpm.interface,
    network,
    ...(platform.secureBoot === 'off' ? {} : { smm: 'on' as const }),
  });
}

/** The upstream part of the package's version (deb-version(7)): `1:10.0.13+ds-0+deb13u1` is 10.0.13. */
export function qemuVersion(lock: Lock): string | undefined {
  const name = lock.roots['platform']?.packages.find((each) => each === QEMU_PACKAGE);
  const version = name === undefined ? undefined : lock.packages[name]?.version;
  return version === undefined ? undefined : /^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(version)?.[1];
}

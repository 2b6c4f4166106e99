import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A process of another machine or PID namespace counts as dead this long after its last sign of life. */
export const HEARTBEAT_TIMEOUT_MS = 60_000;

/**
 * A name for this process that no other process ever has: PID, start time in clock ticks since the boot, boot,
 * PID namespace, joined by dots. It tells a process from a later one with the same PID.
 */
export function processIdentity(): string {
  return `${process.pid}.${processStart(process.pid)}.${here()}`;
}

/**
 * Whether the process of that name still runs. Exact for processes that this one can see in `/proc`; for others
 * (a container or another machine that shares the store) by the age of its folder in `tmpDir`, which every
 * process touches as long as it lives.
 */
export function isAlive(identity: string, tmpDir: string): boolean {
  const [pid = '', start = '', ...place] = identity.split('.');
  if (place.slice(0, 2).join('.') === here()) return processStart(Number(pid)) === start;
  try {
    const folder = join(tmpDir, [pid, start, ...place.slice(0, 2)].join('.'));
    return Date.now() - statSync(folder).mtimeMs < HEARTBEAT_TIMEOUT_MS;
  } catch {
    return false;
  }
}

/** proc_pid_stat(5): field 22, after the name in parentheses, which may itself hold spaces and parentheses. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more: it only waits for its parent.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

let place: string | undefined;

function here(): string {
  place ??= `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)}.${readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')}`;
  return place;
}

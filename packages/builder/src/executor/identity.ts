import { readFile } from 'node:fs/promises';

/**
 * As which user of the host something runs in a root.
 * - `mapped`: the machine's root starts it, and a user id that nobody has on this machine runs it; bounds on
 *   processes then count for it, and files of the host's root stay out of reach even for an escaped step.
 * - `caller`: an ordinary user may map nobody but itself; `privileged` if it may mount without a user namespace.
 */
export type Identity =
  | { readonly kind: 'mapped'; readonly hostId: number }
  | { readonly kind: 'caller'; readonly privileged: boolean };

/** First of a range of 65,536 ids that neither people, services, subuid ranges nor other builders use. */
const FIRST_HOST_ID = 0x61_74_00_00;

/** capabilities(7): CAP_CHOWN, CAP_SETGID, CAP_SETUID, CAP_SYS_CHROOT, CAP_SYS_ADMIN. */
const NEEDED_CAPABILITIES = [0, 6, 7, 18, 21].reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);

export interface IdentityFacts {
  readonly uid: number;
  /** Texts of `/proc/self/uid_map`, `gid_map` and `status`: root in a container has less than the machine's. */
  readonly uidMap: string;
  readonly gidMap: string;
  readonly status: string;
}

/** Whether this is a root with all that mounting and changing users needs. */
export function isPrivileged({ uid, status }: Pick<IdentityFacts, 'uid' | 'status'>): boolean {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1] ?? '0';
  return uid === 0 && (BigInt(`0x${effective}`) & NEEDED_CAPABILITIES) === NEEDED_CAPABILITIES;
}

/** Chooses who runs a step; `slot` tells apart steps that run at once. */
export function chooseIdentity(facts: IdentityFacts, slot: number): Identity {
  const hostId = FIRST_HOST_ID + (slot & 0xffff);
  const privileged = isPrivileged(facts);
  if (privileged && covers(facts.uidMap, hostId) && covers(facts.gidMap, hostId))
    return { kind: 'mapped', hostId };
  return { kind: 'caller', privileged };
}

export async function gatherIdentityFacts(): Promise<IdentityFacts> {
  const [uidMap, gidMap, status] = await Promise.all(
    ['uid_map', 'gid_map', 'status'].map((name) => readFile(`/proc/self/${name}`, 'utf8')),
  );
  return { uid: process.getuid?.() ?? -1, uidMap: uidMap ?? '', gidMap: gidMap ?? '', status: status ?? '' };
}

/** Whether an id map (user_namespaces(7): lines of inside, outside, count) contains `id` on its inside. */
function covers(idMap: string, id: number): boolean {
  return idMap.split('\n').some((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return inside !== undefined && count !== undefined && id >= inside && id < inside + count;
  });
}

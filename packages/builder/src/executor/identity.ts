/**
 * As which user of the host a step runs.
 * - `mapped`: the machine's root starts it, and a user id that nobody has on this machine runs it; bounds on
 *   processes then count for it, and files of the host's root stay out of reach even for an escaped step.
 * - `caller`: an ordinary user may map nobody but itself.
 */
export type Identity = { kind: 'mapped'; hostId: number } | { kind: 'caller' };

/** First of a range of 65,536 ids that neither people, services, subuid ranges nor other builders use. */
const FIRST_HOST_ID = 0x61_74_00_00;

/**
 * Chooses the identity. `uidMap` and `gidMap` are the texts of `/proc/self/uid_map` and `gid_map`: root in a
 * container often owns only some of the ids.
 */
export function chooseIdentity(facts: {
  uid: number;
  uidMap: string;
  gidMap: string;
  slot: number;
}): Identity {
  const hostId = FIRST_HOST_ID + (facts.slot & 0xffff);
  if (facts.uid !== 0 || !covers(facts.uidMap, hostId) || !covers(facts.gidMap, hostId)) {
    return { kind: 'caller' };
  }
  return { kind: 'mapped', hostId };
}

/** Whether an id map (user_namespaces(7): lines of inside, outside, count) contains `id` on its inside. */
function covers(idMap: string, id: number): boolean {
  return idMap.split('\n').some((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return inside !== undefined && count !== undefined && id >= inside && id < inside + count;
  });
}

/** A source of numbers that gives the same ones for the same seed (xorshift32, G. Marsaglia, 2003). */
export function randomSource(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Numbers at which lengths and counts go wrong. */
const edges = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

type Random = (below: number) => number;
type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const mutations: readonly Mutation[] = [
  (bytes, random) => withByte(bytes, random(bytes.length), (byte) => byte ^ (1 << random(8))),
  (bytes, random) => withByte(bytes, random(bytes.length), () => random(256)),
  // A field of four bytes gets a number that means trouble.
  (bytes, random) => {
    const at = random(bytes.length);
    const value = edges[random(edges.length)] ?? 0;
    const copy = bytes.slice();
    const big = random(4) === 0;
    for (let i = 0; i < 4 && at + i < copy.length; i++)
      copy[at + i] = (value >>> (8 * (big ? 3 - i : i))) & 0xff;
    return copy;
  },
  (bytes, random) => bytes.slice(0, random(bytes.length + 1)),
  (bytes, random) => {
    const from = random(bytes.length);
    const to = from + random(Math.min(64, bytes.length - from) + 1);
    return join(bytes.subarray(0, from), bytes.subarray(to));
  },
  (bytes, random) => {
    const at = random(bytes.length);
    const from = random(bytes.length);
    return join(bytes.subarray(0, at), bytes.subarray(from, from + random(64)), bytes.subarray(at));
  },
  (bytes, random, other) => {
    const at = random(bytes.length);
    return join(bytes.subarray(0, at), other.subarray(random(other.length + 1)));
  },
];

/** A changed copy of `bytes`: one to eight mutations (few more often than many), some of them with bytes of `other`. Never larger than `limit`. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: Random, limit: number): Uint8Array {
  let mutated = bytes;
  for (let left = 1 + random(1 + random(8)); left > 0; left--) {
    if (mutated.length === 0) return mutated;
    mutated = (mutations[random(mutations.length)] ?? ((same) => same))(mutated, random, other);
  }
  return mutated.length > limit ? mutated.slice(0, limit) : mutated;
}

function withByte(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = change(copy[at] ?? 0);
  return copy;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

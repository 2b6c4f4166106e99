import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';

/** Hash algorithms of the PCR banks that exist in practice (TCG Algorithm Registry 1.32, table 3). */
export const hashNames = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
export type HashName = (typeof hashNames)[number];

/** Digest size in bytes. */
export const digestSizes: Readonly<Record<HashName, number>> = {
  sha1: 20,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

/** A digest under way: `update` as often as needed, then `digest` once. */
export interface HashState {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
  /** A second state that goes on from here; without it, common beginnings are hashed again. */
  copy?(): HashState;
}

/**
 * Where digests come from: a function that starts one. The default is in plain JavaScript and runs
 * anywhere; Node's `createHash` fits as it is and is ten times faster.
 */
export type Hasher = (algorithm: HashName) => HashState;

const noble = { sha1, sha256, sha384, sha512 };

/** `@noble/hashes`: no platform needed. */
export const defaultHasher: Hasher = (algorithm) => copyable(noble[algorithm].create());

interface NobleState extends HashState {
  clone(): NobleState;
}

function copyable(state: NobleState): HashState {
  return {
    update: (bytes) => state.update(bytes),
    digest: () => state.digest(),
    copy: () => copyable(state.clone()),
  };
}

/** Digest of the parts one after the other, as a plain array whatever subclass the hasher gives. */
export function hash(hasher: Hasher, algorithm: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = hasher(algorithm);
  for (const part of parts) state.update(part);
  return Uint8Array.from(state.digest());
}

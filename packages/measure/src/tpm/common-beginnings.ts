import type { Hasher, HashName, HashState } from '../hash.ts';

/** Shorter beginnings are hashed anew sooner than found. */
const LEAST_BYTES = 1 << 20;

/**
 * Hash states after long first parts. The initrd is measured as a section and, with what the stub appends, as what the
 * kernel received: its bytes are hashed once for both.
 */
export class CommonBeginnings {
  readonly #known: { readonly bank: HashName; readonly bytes: Uint8Array; readonly state: HashState }[] = [];

  /** A state that has taken `first`. */
  after(hasher: Hasher, bank: HashName, first: Uint8Array): HashState {
    const known = this.#known.find((each) => each.bank === bank && isSame(each.bytes, first));
    const copy = known?.state.copy?.();
    if (copy) return copy;
    const state = hasher(bank);
    state.update(first);
    const kept = first.length >= LEAST_BYTES ? state.copy?.() : undefined;
    if (kept) this.#known.push({ bank, bytes: first, state: kept });
    return state;
  }
}

/** The same place in memory. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length;
}

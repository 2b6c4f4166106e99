import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../src/store/remove-tree.ts';

/** A new empty folder that is removed at the end of the block that has it with `await using`. */
export async function tempFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'altee-test-'));
  return { path, [Symbol.asyncDispose]: () => removeTree(path) };
}

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from './store.ts';

const FILE = 'value.json';
/** Of the file's layout: an entry of another one is not looked at. */
const LAYOUT = 2;
const MARK = 'base64';

/**
 * A value that is made once for the same facts, and kept in the store as JSON; `Uint8Array`s come back as such. `facts`
 * has to name everything that it follows from, the code that makes it too. What `make` throws is kept nowhere.
 */
export async function cachedJson<T>(
  store: Store,
  kind: string,
  facts: Readonly<Record<string, unknown>>,
  make: () => Promise<T>,
): Promise<T> {
  const key = createHash('sha256')
    .update(JSON.stringify({ layout: LAYOUT, facts }))
    .digest('hex');
  let made: { readonly value: T } | undefined;
  const tree = await store.addTree('output', `${kind}-${key}`, async (folder) => {
    made = { value: await make() };
    await writeFile(join(folder, FILE), JSON.stringify(made.value, encodeBytes));
  });
  if (made) return made.value;
  try {
    return JSON.parse(await readFile(join(tree, FILE), 'utf8'), decodeBytes) as T;
  } catch {
    // Somebody has damaged the store: what can be made again is no reason to fail.
    return make();
  }
}

function encodeBytes(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { [MARK]: Buffer.from(value).toString('base64') } : value;
}

function decodeBytes(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(MARK in value)) return value;
  return Uint8Array.from(Buffer.from(String(value[MARK]), 'base64'));
}

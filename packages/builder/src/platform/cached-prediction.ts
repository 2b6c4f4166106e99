import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { moduleUrl, type Prediction } from '@altee/measure';
import type { Store } from '../store/store.ts';

/**
 * A prediction that is made once for the same facts and kept in the store. `facts` has to name everything that it
 * follows from; the rules themselves are part of the key by the text of the package that holds them.
 */
export async function cachedPrediction(
  store: Store,
  facts: Readonly<Record<string, unknown>>,
  predict: () => Promise<Prediction>,
): Promise<Prediction> {
  const text = JSON.stringify({ rules: await rulesDigest(), facts });
  const key = createHash('sha256').update(text).digest('hex');
  let made: Prediction | undefined;
  const tree = await store.addTree('output', `prediction-${key}`, async (folder) => {
    made = await predict();
    await writeFile(join(folder, FILE), JSON.stringify(made, encodeBytes));
  });
  return made ?? (JSON.parse(await readFile(join(tree, FILE), 'utf8'), decodeBytes) as Prediction);
}

const FILE = 'prediction.json';
const MARK = 'base64';

function encodeBytes(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { [MARK]: Buffer.from(value).toString('base64') } : value;
}

function decodeBytes(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(MARK in value)) return value;
  return Uint8Array.from(Buffer.from(String(value[MARK]), 'base64'));
}

let rules: Promise<string> | undefined;

/** SHA-256 over the modules of @altee/measure, so that no prediction outlives the rules that it was made by. */
function rulesDigest(): Promise<string> {
  rules ??= (async () => {
    const file = fileURLToPath(moduleUrl);
    const folder = dirname(file);
    const isBundle = !/^module-url\.(js|ts)$/.test(basename(file));
    const entries = isBundle ? [basename(file)] : await readdir(folder, { recursive: true });
    const modules = entries.filter((name) => /\.(js|ts)$/.test(name) && !name.endsWith('.d.ts')).sort();
    const digest = createHash('sha256');
    const texts = await Promise.all(modules.map((name) => readFile(join(folder, name))));
    modules.forEach((name, index) => {
      digest.update(`${name}\0${texts[index]?.length}\0`).update(texts[index] ?? '');
    });
    return digest.digest('hex');
  })();
  return rules;
}

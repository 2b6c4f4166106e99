import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { moduleUrl, type Prediction } from '@altee/measure';
import { cachedJson } from '../store/cached-json.ts';
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
  return cachedJson(store, 'prediction', { rules: await rulesDigest(), facts }, predict);
}

let rules: Promise<string> | undefined;

/** SHA-256 over the modules of @altee/measure, so that no prediction outlives the rules that it was made by. */
export function rulesDigest(): Promise<string> {
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

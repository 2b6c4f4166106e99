import { createHash, scryptSync } from 'node:crypto';
import { join } from 'node:path';
import { rulesDigest } from '../platform/cached-prediction.ts';
import { cachedJson } from '../store/cached-json.ts';
import { hashFile } from '../store/hash-file.ts';
import type { Store } from '../store/store.ts';
import type { LeakFacts } from './facts.ts';
import { type FoundLeaks, findLeaks } from './find-leaks.ts';

/** Goes up whenever a search finds something else than before. */
const VERSION = 1;

/** {@link findLeaks}, once for the same files and the same facts: a build with nothing to do searches nothing. */
export async function cachedLeaks(
  store: Store,
  folder: string,
  files: readonly string[],
  facts: LeakFacts,
): Promise<FoundLeaks> {
  const digests = await Promise.all(
    files.map(async (file) => [file, (await hashFile(join(folder, file))).sha256] as const),
  );
  const { paths, users, hosts, secrets, after } = facts;
  const key = {
    version: VERSION,
    // How formats are taken apart.
    rules: await rulesDigest(),
    digests,
    paths: [...paths],
    users,
    hosts,
    after,
    secrets: secretsKey([...secrets], digests),
  };
  return cachedJson(store, 'leaks', key, () => findLeaks(folder, files, facts));
}

/** The key is the name of a folder: no secret must be found out by guessing at it. */
function secretsKey(secrets: readonly (readonly [string, string])[], salt: unknown): string {
  if (secrets.length === 0) return '';
  const salted = createHash('sha256').update(JSON.stringify(salt)).digest();
  return scryptSync(JSON.stringify(secrets), salted, 32, { N: 2 ** 14 }).toString('hex');
}

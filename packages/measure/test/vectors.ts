import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Conformance vectors (real data with known digests) stand beside the repository, not in it. */
const folder =
  process.env['ALTEE_VECTORS'] ?? fileURLToPath(new URL('../../../../shared/vectors', import.meta.url));

/** False when the vectors are not on this machine; the tests that need them then say so and are skipped. */
export const haveVectors = existsSync(folder);
if (!haveVectors)
  console.warn(`Conformance vectors are not in ${folder}; set ALTEE_VECTORS to test against them`);

export function vectorPath(...path: string[]): string {
  return join(folder, ...path);
}

export function vectorBytes(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(vectorPath(...path)));
}

export function vectorJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(vectorPath(...path), 'utf8')) as T;
}

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adoptUnpackedOvmf, MeasureError, unpackOvmf } from '@altee/measure';
import type { Store } from '../store/store.ts';
import { rulesDigest } from './cached-prediction.ts';

const FILE = 'volumes';

/**
 * Unpacks an OVMF code file, or takes what the store has of an earlier time: it is the longest part of a prediction after
 * the hashing. Firmware that cannot be unpacked is left as it is: who needs its volumes says so.
 */
export async function unpackFirmware(store: Store, code: Uint8Array): Promise<void> {
  const key = createHash('sha256')
    .update(await rulesDigest())
    .update(code)
    .digest('hex');
  try {
    const tree = await store.addTree('output', `ovmf-${key}`, (folder) =>
      writeFile(join(folder, FILE), unpackOvmf(code)),
    );
    const { buffer, byteOffset, length } = await readFile(join(tree, FILE));
    adoptUnpackedOvmf(code, new Uint8Array(buffer, byteOffset, length));
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
  }
}

import { writeCpio } from '../../src/image/cpio.ts';
import type { CpioEntry } from '../../src/image/cpio-entry.ts';

/** A whole archive in memory. */
export async function archiveOf(entries: Iterable<CpioEntry>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeCpio(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

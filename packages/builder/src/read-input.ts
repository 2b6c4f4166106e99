import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BuilderError } from './error.ts';
import { hasCode, ifPresent } from './store/errno.ts';
import { fileErrorReason } from './store/file-error.ts';

const CHUNK_BYTES = 1 << 16;
const PIPE_POLL_MS = 20;

/**
 * All bytes of a file that the user names: of a regular file, of one in /sys, which tells no size, or of a pipe, as the
 * shell's `<(…)` makes one. Throws `invalid-input` where it can't be read or has more than `limitBytes`; `what` names it
 * in messages (`signing key`).
 */
export async function readInput(file: string, limitBytes: number, what?: string): Promise<Uint8Array> {
  const shown = what === undefined ? `"${file}"` : `the ${what} "${file}"`;
  try {
    // Without O_NONBLOCK, opening a FIFO waits for somebody who writes to it, and nothing can stop the wait.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const bytes = await readTo(handle, limitBytes + 1);
      if (bytes.length <= limitBytes) return bytes;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new BuilderError('invalid-input', `Cannot read ${shown}: ${fileErrorReason(cause)}`);
  }
  throw new BuilderError('invalid-input', `Cannot read ${shown}: it has more than ${sizeText(limitBytes)}`);
}

/** Devices never end, and files of /sys tell no size: reading stops at `most` bytes. */
async function readTo(handle: FileHandle, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length < most) {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, most - length));
    const bytesRead = await readSome(handle, chunk);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
  }
  return new Uint8Array(Buffer.concat(chunks));
}

async function readSome(handle: FileHandle, chunk: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return (await handle.read(chunk, 0, chunk.length, null)).bytesRead;
    } catch (error) {
      // A pipe whose writer has nothing yet.
      if (!hasCode(error, 'EAGAIN')) throw error;
      await setTimeout(PIPE_POLL_MS);
    }
  }
}

function sizeText(bytes: number): string {
  return bytes >= 1 << 20 ? `${bytes >> 20} MiB` : `${bytes} bytes`;
}

const MEASUREMENTS = 'measurements.json';

/** The file of measurements that the user means: a folder stands for the one in it. Throws `invalid-input`. */
export async function measurementsIn(given: string): Promise<string> {
  const found = await stat(given).catch(() => undefined);
  if (!found?.isDirectory()) return given;
  const file = join(given, MEASUREMENTS);
  if ((await ifPresent(stat(file)).catch(() => true)) !== undefined) return file;
  throw new BuilderError('invalid-input', `"${given}" is a folder without a ${MEASUREMENTS}`, {
    hint: `Give the ${MEASUREMENTS} that "altee build" or "altee measure --json" wrote, or its folder`,
  });
}

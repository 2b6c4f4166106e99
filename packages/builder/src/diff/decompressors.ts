import { spawnSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { type Decompressor, decodeZstd, MeasureError, zstdFramesEnd } from '@altee/measure';

/**
 * What is decompressed here: zstd by altee itself; gzip by Node's zlib; xz by the host's program, which altee's own
 * images never need.
 */
export const decompressors: Readonly<Record<string, Decompressor>> = { zstd: unzstd, gzip: gunzip, xz: unxz };

/** From here on the host's program is worth its start, where there is one: it takes a quarter of the time. */
const LARGE_BYTES = 4 * 2 ** 20;

function unzstd(bytes: Uint8Array, maxOutputBytes: number): ReturnType<Decompressor> {
  if (bytes.length >= LARGE_BYTES) {
    const consumedBytes = zstdFramesEnd(bytes);
    const input = bytes.subarray(0, consumedBytes);
    const options = { input, maxBuffer: maxOutputBytes, timeout: PROGRAM_SECONDS * 1000 };
    const { stdout, status, error } = spawnSync('zstd', ['-q', '-d', '-c'], options);
    if (!error && status === 0) return { output: plain(stdout), consumedBytes };
    // Not there, or not content with it: our own says what is wrong.
  }
  return decodeZstd(bytes, { maxOutputBytes });
}

function gunzip(bytes: Uint8Array, maxOutputBytes: number): ReturnType<Decompressor> {
  try {
    // With `info`, what comes back is the content and the engine that made it.
    const { buffer, engine } = gunzipSync(bytes, {
      maxOutputLength: maxOutputBytes,
      info: true,
    }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    return { output: plain(buffer), consumedBytes: engine.bytesWritten };
  } catch (cause) {
    throw broken('gzip', cause, maxOutputBytes);
  }
}

const PROGRAM_SECONDS = 60;

function unxz(bytes: Uint8Array, maxOutputBytes: number): ReturnType<Decompressor> {
  const { stdout, status, error, stderr } = spawnSync(
    'xz',
    ['-dc', '--memlimit-decompress=512MiB', '--single-stream'],
    {
      input: bytes,
      maxBuffer: maxOutputBytes,
      timeout: PROGRAM_SECONDS * 1000,
    },
  );
  if (error && 'code' in error && error.code === 'ENOENT')
    throw new MeasureError('unsupported', 'xz: the program "xz" is not there');
  if (error || status !== 0) throw broken('xz', error ?? new Error(String(stderr).trim()), maxOutputBytes);
  return { output: plain(stdout), consumedBytes: bytes.length };
}

function broken(format: string, cause: unknown, limit: number): MeasureError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  if (code === 'ERR_BUFFER_TOO_LARGE' || code === 'ENOBUFS')
    return new MeasureError(
      'unsupported',
      `${format}: the content is larger than the limit of ${limit} bytes`,
      { cause },
    );
  return new MeasureError(
    'malformed',
    `${format}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
}

/** The same memory without Node's own methods. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

import { spawn } from 'node:child_process';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
// A CommonJS module whose names Node can't find.
import xzDecompress from 'xz-decompress';

/** Decompresses one .xz stream. Errors of either side close the other; the result ends only when all is verified. */
export type XzDecoder = (compressed: Readable) => Readable;

/** Decodes in WebAssembly: needs nothing, but takes twice the time, and one stream at a time. */
export const wasmXz: XzDecoder = (compressed) =>
  Readable.fromWeb(
    new xzDecompress.XzReadableStream(Readable.toWeb(compressed) as ReadableStream<Uint8Array>) as never,
  );

/** A dictionary may ask for up to 4 GiB; xz -9 makes one of 64 MiB. */
const MEMORY_LIMIT = '512MiB';

/** Where the xz of unpacked packages is, and what it needs to run on any Linux. */
export interface XzProgram {
  readonly loader: string;
  readonly libraryPath: string;
  readonly program: string;
}

/** Decodes with an xz program run by its own loader and libraries: nothing of the host is used. */
export function programXz(xz: XzProgram): XzDecoder {
  return (compressed) => {
    const child = run(xz, ['--decompress', '--stdout', `--memlimit-decompress=${MEMORY_LIMIT}`]);
    const messages: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => messages.push(chunk));
    const ended = new Promise<Error | undefined>((resolve) => {
      child.once('error', resolve);
      child.once('close', (code, signal) => {
        const told = Buffer.concat(messages).toString('utf8').trim();
        resolve(code === 0 ? undefined : new Error(told || `xz ended with ${signal ?? `exit code ${code}`}`));
      });
    });
    // xz says at its end whether all was right: the consumer must not take the end of its output for that.
    const output = new Transform({
      transform: (chunk, _encoding, done) => done(null, chunk),
      flush: (done) => void ended.then((error) => done(error ?? null)),
      destroy: (error, done) => {
        child.kill('SIGKILL');
        done(error);
      },
    });
    // Where xz stops reading, its own message tells more than the broken pipe.
    pipeline(compressed, child.stdin).catch(async (error) => output.destroy((await ended) ?? error));
    child.stdout.pipe(output);
    return output;
  };
}

/** Whether the program runs here. */
export async function canRun(xz: XzProgram): Promise<boolean> {
  const child = run(xz, ['--version']);
  child.stdin.destroy();
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

function run(xz: XzProgram, args: readonly string[]) {
  return spawn(xz.loader, ['--library-path', xz.libraryPath, xz.program, ...args], { env: {}, cwd: '/' });
}

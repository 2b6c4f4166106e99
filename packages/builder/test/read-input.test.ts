import { execFileSync } from 'node:child_process';
import { mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuilderError } from '../src/error.ts';
import { measurementsIn, readInput } from '../src/read-input.ts';
import { makeFolders } from '../src/store/make-folders.ts';
import { writeOutput } from '../src/write-output.ts';
import { tempFolder } from './temp.ts';

let folder: string;
let temporary: Awaited<ReturnType<typeof tempFolder>>;
beforeEach(async () => {
  temporary = await tempFolder();
  folder = temporary.path;
});
afterEach(() => temporary[Symbol.asyncDispose]());

/** The message of the error, which has no system's message for a cause. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.fail('nothing was refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof BuilderError)) throw error;
  expect([error.code, error.cause]).toEqual(['invalid-input', undefined]);
  return error.message.replaceAll(folder, '');
}

describe('readInput()', () => {
  it('reads a regular file, and one of the system that tells no size', async () => {
    await writeFile(join(folder, 'a'), 'abc');
    expect(await readInput(join(folder, 'a'), 3)).toEqual(Uint8Array.of(97, 98, 99));
    expect((await readInput('/proc/self/status', 1 << 20)).length).toBeGreaterThan(100);
  });

  it('reads a pipe to its end, however slow its writer is', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Opened for both, as a writer alone would wait for a reader.
    const writer = await open(pipe, 'r+');
    const read = readInput(pipe, 100);
    await setTimeout(50);
    await writer.write('ab');
    await setTimeout(50);
    await writer.write('c');
    await setTimeout(50);
    await writer.close();
    expect(Buffer.from(await read).toString()).toBe('abc');
  });

  it('does not wait for a writer that may never come', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await readInput(pipe, 100)).toHaveLength(0);
  });

  it.each([
    ['nothing', 'Cannot read "/nothing": there is no such file'],
    ['.', 'Cannot read "": it is a folder'],
    ['file/x', 'Cannot read "/file/x": it is no folder, or a part of its path is none'],
    ['circle', 'Cannot read "/circle": its symbolic links go round in a circle'],
  ])('says in words why it cannot read "%s"', async (name, message) => {
    await writeFile(join(folder, 'file'), '');
    execFileSync('ln', ['-s', 'circle', join(folder, 'circle')]);
    expect(await refusal(readInput(join(folder, name), 100))).toBe(message);
  });

  it('stops at the limit, of a device that never ends, too', async () => {
    expect(await refusal(readInput('/dev/zero', 100, 'key'))).toBe(
      'Cannot read the key "/dev/zero": it has more than 100 bytes',
    );
  });
});

describe('measurementsIn()', () => {
  it('takes a folder for the measurements in it', async () => {
    await writeFile(join(folder, 'measurements.json'), '');
    expect(await measurementsIn(folder)).toBe(join(folder, 'measurements.json'));
    expect(await measurementsIn(join(folder, 'other.json'))).toBe(join(folder, 'other.json'));
  });

  it('refuses a folder without them', async () => {
    expect(await refusal(measurementsIn(folder))).toBe('"" is a folder without a measurements.json');
  });
});

describe('writeOutput()', () => {
  it('writes, and says in words why it cannot', async () => {
    await writeOutput(join(folder, 'page'), 'text', []);
    expect((await stat(join(folder, 'page'))).size).toBe(4);
    expect(await refusal(writeOutput(join(folder, 'no/page'), '', []))).toBe(
      'Cannot write "/no/page": its folder is not there',
    );
    expect(await refusal(writeOutput(folder, '', []))).toBe('Cannot write "": it is a folder');
  });

  it('does not write over what was read, by whatever name', async () => {
    const input = join(folder, 'log');
    await writeFile(input, 'log');
    await mkdir(join(folder, 'sub'));
    const message = await refusal(writeOutput(join(folder, 'sub/../log'), '', [input]));
    expect(message).toMatch(/^Cannot write "\/?.*log": it was just read as an input$/);
    expect((await stat(input)).size).toBe(3);
  });
});

describe('makeFolders()', () => {
  it('makes what is missing, and minds nothing that is there', async () => {
    await makeFolders(join(folder, 'a/b/c'));
    await makeFolders(join(folder, 'a/b/c'));
    expect((await stat(join(folder, 'a/b/c'))).isDirectory()).toBe(true);
    await rm(join(folder, 'a'), { recursive: true });
  });

  it.runIf(process.platform === 'linux')('ends where the system has no folders to give', async () => {
    await expect(makeFolders('/proc/altee/b/c')).rejects.toThrow();
  });
});

import { lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuilderError } from '../../../src/error.ts';
import { unpackExport } from '../../../src/executor/nix/nar.ts';

/** A word of a NAR, as the Nix manual defines it. */
function word(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
}

const words = (...all: (string | Buffer)[]) => Buffer.concat(all.map(word));
const file = (content: string) => words('(', 'type', 'regular', 'contents', content, ')');
const program = (content: string) =>
  words('(', 'type', 'regular', 'executable', '', 'contents', content, ')');
const link = (target: string) => words('(', 'type', 'symlink', 'target', target, ')');
const entry = (name: string, node: Buffer) =>
  Buffer.concat([words('entry', '(', 'name', name, 'node'), node, words(')')]);
const folder = (...entries: Buffer[]) =>
  Buffer.concat([words('(', 'type', 'directory'), ...entries, words(')')]);
const ONE = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
const exported = (node: Buffer) =>
  Buffer.concat([ONE, words('nix-archive-1'), node, Buffer.from('references and so on')]);

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-nar-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function unpack(bytes: Buffer, chunk = bytes.length): Promise<string> {
  const dir = await mkdtemp(join(base, 'out-'));
  async function* stream() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  await unpackExport(stream(), dir);
  return dir;
}

const SAMPLE = exported(
  folder(
    entry('a', file('plain')),
    entry('b', program('')),
    entry('c', link('/nowhere')),
    entry('d', folder(entry('é', file('x'.repeat(9))))),
  ),
);

describe('unpackExport()', () => {
  it.each([1, 7, 8, 100, 10_000])(
    'writes files, programs, links and folders, in pieces of %d bytes',
    async (chunk) => {
      const dir = await unpack(SAMPLE, chunk);
      expect(await readdir(dir)).toEqual(['a', 'b', 'c', 'd']);
      expect(await readFile(join(dir, 'a'), 'utf8')).toBe('plain');
      expect((await lstat(join(dir, 'a'))).mode & 0o777).toBe(0o644);
      expect((await lstat(join(dir, 'b'))).mode & 0o777).toBe(0o755);
      expect(await readlink(join(dir, 'c'))).toBe('/nowhere');
      expect(await readFile(join(dir, 'd/é'), 'utf8')).toBe('xxxxxxxxx');
    },
  );

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['no path', Buffer.alloc(8)],
    ['another format', Buffer.concat([ONE, words('nix-archive-2')])],
    ['a name that leads out', exported(folder(entry('..', file('x'))))],
    ['a name with a slash', exported(folder(entry('a/b', file('x'))))],
    ['an empty name', exported(folder(entry('', file('x'))))],
    ['a name twice', exported(folder(entry('a', link('/')), entry('a', folder(entry('b', file('x'))))))],
    ['names that are not sorted', exported(folder(entry('b', file('x')), entry('a', file('x'))))],
    ['a link without a target', exported(folder(entry('a', link(''))))],
    ['a link to a NUL', exported(folder(entry('a', link('a\0b'))))],
    ['an unknown type', exported(words('(', 'type', 'device', ')'))],
    ['a name of 2^63 bytes', Buffer.concat([ONE, Buffer.from('ffffffffffffff7f', 'hex')])],
    ['a file that is cut off', exported(folder(entry('a', file('plain')))).subarray(0, 180)],
    ['padding that is not zero', Buffer.concat([ONE, words('nix-archive-1').fill(1, 21)])],
  ])('refuses %s', async (_what, bytes) => {
    await expect(unpack(bytes)).rejects.toMatchObject({ code: 'archive-malformed' });
  });

  it('throws nothing but its own error, whatever byte is another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(SAMPLE.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(SAMPLE);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        await unpack(bytes).catch((error: unknown) => {
          expect(error).toBeInstanceOf(BuilderError);
        });
      }),
      { numRuns: 200 },
    );
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAr } from '../../src/root/ar.ts';
import { tempFolder } from '../temp.ts';
import { arOf } from './make-deb.ts';

async function read(bytes: Uint8Array) {
  await using dir = await tempFolder();
  const path = join(dir.path, 'some.deb');
  await writeFile(path, bytes);
  return await readAr(path);
}

const archive = arOf({
  'debian-binary': Buffer.from('2.0\n'),
  'odd/': Buffer.from('x'),
  'data.tar': Buffer.from('yz'),
});

/** The archive with other text in it. */
function changed(offset: number, text: string): Buffer {
  const copy = Buffer.from(archive);
  copy.write(text, offset, 'latin1');
  return copy;
}

describe('readAr()', () => {
  it('gives name, offset and size of each member, padding left out', async () => {
    expect(await read(archive)).toEqual([
      { name: 'debian-binary', offset: 68, size: 4 },
      { name: 'odd', offset: 132, size: 1 },
      { name: 'data.tar', offset: 194, size: 2 },
    ]);
  });

  it.each([
    ['is empty', Buffer.alloc(0), /does not begin with "!<arch>"/],
    ['is something else', Buffer.from('PK\x03\x04 something else'), /does not begin with "!<arch>"/],
    ['ends within a member header', archive.subarray(0, 60), /the member header at 8 is cut off/],
    ['ends within a member', archive.subarray(0, 70), /"debian-binary" ends at 72, the file at 70/],
    ['has a size beyond its end', changed(8 + 48, '9999999999'), /ends at 10000000067, the file at/],
    ['has a negative size', changed(8 + 48, '-4        '), /the member size at 56 is no number/],
    ['has a size in hex', changed(8 + 48, '0x4       '), /the member size at 56 is no number/],
    ['has an empty size', changed(8 + 48, ' '.repeat(10)), /the member size at 56 is no number/],
    ['has no member header where one must be', changed(8 + 58, '??'), /no member header at 8/],
    [
      'has any number of members',
      arOf(Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`m${i}`, Buffer.alloc(0)]))),
      /more than 16 members/,
    ],
  ])('refuses what %s', async (_, bytes, reason) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'archive-malformed',
      message: expect.stringMatching(reason),
    });
  });
});

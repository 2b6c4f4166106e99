import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { osRelease } from '../../src/image/os-release.ts';
import { scratch } from './scratch.ts';

describe('osRelease()', () => {
  it('names the image and its version', () => {
    expect(osRelease({ name: 'hello', version: '0.1.0' })).toBe(
      'ID=altee\nNAME=altee\nPRETTY_NAME="hello 0.1.0"\nVERSION_ID="0.1.0"\nIMAGE_ID=hello\nIMAGE_VERSION="0.1.0"\n',
    );
  });

  it('is read by a shell as it was meant, whatever the name holds', async () => {
    const folder = await scratch();
    const hostile = 'a"b$HOME`id`\\c\'d #e';
    await writeFile(join(folder, 'os-release'), osRelease({ name: hostile, version: '1.0+x' }));
    const { stdout } = await execa('sh', ['-c', '. ./os-release; printf "%s|%s" "$IMAGE_ID" "$VERSION_ID"'], {
      cwd: folder,
    });
    expect(stdout).toBe(`${hostile}|1.0+x`);
  });

  it('stays one line a field', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (name) => {
        expect(osRelease({ name, version: '1' }).split('\n')).toHaveLength(7);
      }),
    );
  });

  it.each(['a\nID=other', 'a\0', 'a\u0085', 'a\ud800'])('refuses %j', (name) => {
    expect(() => osRelease({ name, version: '1' })).toThrow(/control character/);
  });
});

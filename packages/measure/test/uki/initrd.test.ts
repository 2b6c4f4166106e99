import { describe, expect, it } from 'vitest';
import { ascii, showAscii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import { readPe, stubRules } from '../../src/index.ts';
import { encodeExtraCpio } from '../../src/uki/cpio.ts';
import { servedInitrd } from '../../src/uki/initrd.ts';
import { makeUki } from '../make-pe.ts';

function serve(major: number, sections: Record<string, Uint8Array>) {
  const bytes = makeUki(String(major), sections);
  const served = servedInitrd(bytes, readPe(bytes), stubRules(major));
  return served && { bytes: concatBytes(served.parts), sections: served.sections, length: served.length };
}

describe('servedInitrd()', () => {
  const initrd = ascii('12345');

  it('serves a lone .initrd without padding', () => {
    expect(serve(257, { '.initrd': initrd })).toEqual({ bytes: initrd, sections: ['.initrd'], length: 5 });
  });

  it('pads each of several parts to four bytes', () => {
    const served = serve(257, { '.initrd': initrd, '.ucode': ascii('abc') });
    expect(served).toEqual({
      bytes: ascii('abc\x0012345\0\0\0'),
      sections: ['.ucode', '.initrd'],
      length: 12,
    });
  });

  it('puts os-release behind the initrd from 257 on', () => {
    const sections = { '.osrel': ascii('ID=x'), '.initrd': initrd };
    expect(serve(256, sections)?.sections).toEqual(['.initrd']);
    expect(serve(257, sections)?.sections).toEqual(['.initrd', '.osrel']);
  });

  it('keeps the stub’s order of embedded files, whatever the image’s is', () => {
    const one = ascii('x');
    const served = serve(262, { '.profile': one, '.osrel': one, '.pcrpkey': one, '.pcrsig': one });
    expect(served?.sections).toEqual(['.pcrsig', '.pcrpkey', '.osrel', '.profile']);
  });

  it('serves nothing when there is nothing', () => {
    expect(serve(257, { '.linux': initrd })).toBeUndefined();
  });
});

describe('encodeExtraCpio()', () => {
  it('writes directory, file and end mark as systemd-stub does', () => {
    const zeros = '00000000';
    const directory = `07070100000001${'0000416d'}${zeros}${zeros}00000001${zeros.repeat(6)}00000007${zeros}.extra\0`;
    const file = `07070100000002${'00008124'}${zeros}${zeros}00000001${zeros}00000003${zeros.repeat(4)}00000012${zeros}.extra/os-release\0`;
    const end = `070701${zeros.repeat(4)}00000001${zeros.repeat(6)}0000000B${zeros}TRAILER!!!\0\0\0\0`;
    // 117 bytes and 128 bytes: the one is padded, the other needs nothing.
    const wanted = `${directory}\0\0\0${file}a=b\0${end}`;
    const bytes = encodeExtraCpio('os-release', ascii('a=b'));
    expect(showAscii(bytes.map((byte) => byte || 0x7e))).toBe(wanted.replaceAll('\0', '~'));
    expect(bytes.length % 4).toBe(0);
  });
});

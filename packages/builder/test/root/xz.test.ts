import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { programXz, wasmXz, type XzDecoder } from '../../src/root/xz.ts';

/** `printf 'hello from xz\n' | xz -9 | base64` (XZ Utils 5.4.1). */
const hello = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQANaGVsbG8gZnJvbSB4egoAAABb+Ybd5id65gABJg4IG+AEH7bzfQEAAAAABFla',
  'base64',
);
/** `head -c 1000000 /dev/zero | xz -9 | base64` (XZ Utils 5.4.1). */
const zeros = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM70I/ANFdAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPmTwz82AAAAADKzVZfu0uHjAAHtAcCEPQDV4HauscRn+wIAAAAABFla',
  'base64',
);

/** The host's xz stands for the one of a package: only this test uses it. */
const host = {
  loader: '/lib64/ld-linux-x86-64.so.2',
  libraryPath: '/usr/lib/x86_64-linux-gnu:/usr/lib64',
  program: '/usr/bin/xz',
};

function canUseHost(): boolean {
  if (!existsSync(host.loader) || !existsSync(host.program)) return false;
  try {
    execFileSync(host.loader, ['--library-path', host.libraryPath, host.program, '--version']);
    return true;
  } catch {
    return false;
  }
}

const decoders: readonly [name: string, decode: XzDecoder, available: boolean][] = [
  ['wasmXz', wasmXz, true],
  ['programXz()', programXz(host), canUseHost()],
];

describe.each(decoders)('%s', (_, decode, available) => {
  it.skipIf(!available)('decodes a stream, however it is cut', async () => {
    expect(String(await buffer(decode(Readable.from([hello]))))).toBe('hello from xz\n');
    const bytes = Array.from(hello, (byte) => Buffer.from([byte]));
    expect(String(await buffer(decode(Readable.from(bytes))))).toBe('hello from xz\n');
  });

  it.skipIf(!available)('decodes several streams at once', async () => {
    const sizes = await Promise.all(
      Array.from({ length: 5 }, async () => (await buffer(decode(Readable.from([zeros])))).length),
    );
    expect(sizes).toEqual([1, 1, 1, 1, 1].map(() => 1_000_000));
  });

  it.skipIf(!available).each([
    ['cut off', hello.subarray(0, -5)],
    ['cut off in the middle', zeros.subarray(0, 100)],
    ['empty', Buffer.alloc(0)],
    ['something else', Buffer.from('something else than xz, of some length')],
    ['changed', Buffer.concat([hello.subarray(0, 30), Buffer.from('!'), hello.subarray(31)])],
  ])('fails for a stream that is %s, and decodes the next one', async (_, bytes) => {
    await expect(buffer(decode(Readable.from([bytes])))).rejects.toThrow();
    expect(String(await buffer(decode(Readable.from([hello]))))).toBe('hello from xz\n');
  });

  it.skipIf(!available)('ends when its consumer ends, and decodes the next one', async () => {
    const stream = decode(Readable.from([zeros]));
    await stream[Symbol.asyncIterator]().next();
    stream.destroy();
    expect(String(await buffer(decode(Readable.from([hello]))))).toBe('hello from xz\n');
  });

  it.skipIf(!available)('fails when what it reads from fails', async () => {
    async function* broken() {
      yield zeros.subarray(0, 50);
      throw new Error('The disk is on fire');
    }
    await expect(buffer(decode(Readable.from(broken())))).rejects.toThrow();
    expect(String(await buffer(decode(Readable.from([hello]))))).toBe('hello from xz\n');
  });
});

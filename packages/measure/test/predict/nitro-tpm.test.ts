import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseGuid } from '../../src/bytes/guid.ts';
import { ascii, utf16 } from '../../src/bytes/text.ts';
import { concatBytes, Writer } from '../../src/bytes/writer.ts';
import {
  authenticodeDigest,
  findRegister,
  predictNitroTpm,
  predictTpm,
  readPe,
  toHex,
} from '../../src/index.ts';
import { makeKernel, makeUki } from '../make-pe.ts';

const linux = makeKernel();
const sections = {
  '.osrel': ascii('ID=x'),
  '.cmdline': ascii('quiet'),
  '.initrd': ascii('i'),
  '.linux': linux,
};
const sha384 = (...parts: Uint8Array[]) =>
  Uint8Array.from(createHash('sha384').update(concatBytes(parts)).digest());

/** As `nitro-tpm-pcr-compute` does it: zeros, and each digest extended. */
const extended = (...digests: Uint8Array[]) =>
  toHex(digests.reduce((value, digest) => sha384(value, digest), new Uint8Array(48)));
const authenticode = (image: Uint8Array) => authenticodeDigest(image, readPe(image), 'sha384');
const variable = (guid: string, name: string, data: Uint8Array) =>
  sha384(
    new Writer()
      .bytes(parseGuid(guid))
      .u64(name.length)
      .u64(data.length)
      .bytes(utf16(name))
      .bytes(data)
      .finish(),
  );

const action = sha384(ascii('Calling EFI Application from Boot Option'));
const separator = sha384(new Uint8Array(4));
const global = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const security = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';

function value(uki: Uint8Array, pcr: number): string {
  const { values } = findRegister(predictNitroTpm({ uki }), `PCR${pcr}`) ?? expect.fail();
  return toHex(values.sha384 ?? new Uint8Array(0));
}

describe('predictNitroTpm()', () => {
  it.each(['252.39', '257.13'])('measures image and kernel to PCR 4 under stub %s', (stub) => {
    const uki = makeUki(stub, sections);
    expect(value(uki, 4)).toBe(extended(action, separator, authenticode(uki), authenticode(linux)));
  });

  it.each(['258', '262'])('measures the image alone to PCR 4 under stub %s', (stub) => {
    const uki = makeUki(stub, sections);
    expect(value(uki, 4)).toBe(extended(action, separator, authenticode(uki)));
  });

  it('measures SecureBoot as one zero byte and four empty variables to PCR 7 without keys', () => {
    const none = new Uint8Array(0);
    expect(value(makeUki('257', sections), 7)).toBe(
      extended(
        variable(global, 'SecureBoot', Uint8Array.of(0)),
        variable(global, 'PK', none),
        variable(global, 'KEK', none),
        variable(security, 'db', none),
        variable(security, 'dbx', none),
        separator,
      ),
    );
  });

  it('holds PCR 12 to be zero', () => {
    expect(value(makeUki('257', sections), 12)).toBe('00'.repeat(48));
  });

  it('gives SHA-384 alone unless other banks are asked for', () => {
    const uki = makeUki('257', sections);
    const banks = (input: Parameters<typeof predictNitroTpm>[0]) =>
      Object.keys(findRegister(predictNitroTpm(input), 'PCR4')?.values ?? {});
    expect(banks({ uki })).toEqual(['sha384']);
    expect(banks({ uki, banks: ['sha256', 'sha384'] })).toEqual(['sha256', 'sha384']);
  });

  it('claims nothing that was not compared with an instance, and nothing of firmware itself', () => {
    const { registers } = predictNitroTpm({ uki: makeUki('257', sections), kernel: { ima: false } });
    expect(registers.map(({ status }) => status)).toEqual(
      registers.map(({ registerIndex }) =>
        [0, 1, 2, 3, 5, 6].includes(registerIndex) ? 'host-dependent' : 'assumed',
      ),
    );
    for (const { status, values, reason } of registers) {
      expect(Object.keys(values)).toEqual(status === 'assumed' ? ['sha384'] : []);
      expect(reason).toMatch(/Amazon/);
    }
  });

  it('gives no value for an image that Secure Boot refuses', () => {
    const list = new Writer()
      .bytes(parseGuid('a5c059a1-94e4-4aa7-87b5-ab155c2bf072'))
      .u32(28)
      .u32(0)
      .u32(17)
      .finish();
    const prediction = predictNitroTpm({ uki: makeUki('257', sections), keys: { PK: list } });
    for (const pcr of [4, 7, 12] as const) {
      const register = findRegister(prediction, `PCR${pcr}`);
      expect(register).toMatchObject({ status: 'unpredictable', values: {} });
      expect(register?.reason).toContain('not signed');
    }
  });

  it('has no value for what an unknown stub does', () => {
    const { registers } = predictNitroTpm({ uki: makeUki('999', sections) });
    for (const pcr of [4, 9, 11, 12]) expect(registers[pcr]?.status).toBe('unpredictable');
  });

  it('agrees with OVMF on what the stub and the kernel extend', () => {
    const uki = makeUki('257', sections);
    const ovmf = predictTpm({ uki, machine: { secureBoot: 'off' }, banks: ['sha384'] });
    for (const pcr of [9, 11, 12, 13]) {
      expect(value(uki, pcr)).toBe(toHex(ovmf.registers[pcr]?.values.sha384 ?? new Uint8Array(0)));
    }
  });
});

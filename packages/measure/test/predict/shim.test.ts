import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  authenticodeDigest,
  encodeCertificateLists,
  encodeSignatureList,
  encodeVariableData,
  type Machine,
  predictTpm,
  type RegisterPrediction,
  readPe,
  type SecureBootVariables,
  signatureTypes,
  toHex,
  variableGuids,
} from '../../src/index.ts';
import type { QemuMachine } from '../../src/predict/machine.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import { makeShim } from '../make-shim.ts';
import { attachSignatures, makeIdentity, makeSignature } from '../make-signature.ts';

const owner = '11111111-2222-3333-4444-555555555555';
const platform = makeIdentity('platform');
const microsoft = makeIdentity('CA of shims');
const vendor = makeIdentity('vendor');
const own = makeIdentity('own');
const lists = (...identities: readonly (typeof own)[]): Uint8Array =>
  encodeCertificateLists(
    owner,
    identities.map(({ certificate }) => certificate),
  );
const digests = (digest: Uint8Array): Uint8Array =>
  encodeSignatureList(signatureTypes.sha256, [{ owner, data: digest }]);
const forbidden = digests(new Uint8Array(32).fill(5));
const level = 'sbat,1,2025021800\nshim,4\nuki,2\n';
const shimFor = (options: Parameters<typeof makeShim>[0] = {}): Uint8Array => {
  const bytes = makeShim({
    authorized: vendor.certificate,
    deauthorized: forbidden,
    sbatLevel: level,
    ...options,
  });
  return attachSignatures(bytes, makeSignature(bytes, microsoft));
};
const image = (
  sbat: string | undefined = 'sbat,1,Version,sbat,1,url\nuki,2,a,b,c,d\n',
  stub = '257',
): Uint8Array =>
  makeUki(stub, {
    '.osrel': ascii('o'),
    '.cmdline': ascii('c'),
    '.initrd': ascii('i'),
    '.linux': makeKernel(),
    ...(sbat === undefined ? {} : { '.sbat': ascii(sbat) }),
  });
const sign = (bytes: Uint8Array, by = own): Uint8Array => attachSignatures(bytes, makeSignature(bytes, by));
const keys: Partial<SecureBootVariables> = {
  PK: lists(platform),
  KEK: lists(platform),
  db: lists(microsoft, own),
};

interface Options {
  readonly uki?: Uint8Array;
  readonly shim?: Uint8Array;
  readonly variables?: Partial<SecureBootVariables>;
  readonly machine?: Partial<Machine>;
}

function pcr(index: number, options: Options = {}): RegisterPrediction {
  const { uki = sign(image()), shim = shimFor(), variables = keys, machine = {} } = options;
  const { registers } = predictTpm({
    uki,
    machine: {
      secureBoot: 'on',
      disk: 'unpartitioned',
      optionRoms: false,
      shim,
      // Debian OVMF 2025.02, the build with Secure Boot.
      firmware: { codeSha256: '1a46295574430cfb7f825ee3e4dc64b052acbef08e310377ed7c64cb757a9dc1' },
      secureBootVariables: variables,
      ...machine,
    },
    kernel: { ima: false },
  });
  return registers[index] ?? expect.fail();
}
const off: Options = { machine: { secureBoot: 'off' }, variables: {} };
const variable = (guid: string, name: string, data: Uint8Array): string =>
  toHex(encodeVariableData(guid, name, data));
/** The events behind the separator, as data in hex. */
const authorities = (options: Options = {}): string[] => {
  const events = pcr(7, options).events.map(({ data }) => toHex(data));
  return events.slice(events.indexOf('00000000') + 1);
};
const shimAuthority = variable(variableGuids.imageSecurity, 'db', lists(microsoft).subarray(28));
const sbatLevel = (text: string): string => variable(variableGuids.shim, 'SbatLevel', ascii(text));

describe('predictPcr07() with shim', () => {
  it('has who vouches for shim, its level of revocations, and who vouches for the image', () => {
    expect(authorities()).toEqual([
      shimAuthority,
      sbatLevel(level),
      variable(variableGuids.imageSecurity, 'db', lists(own).subarray(28)),
    ]);
  });

  it('has the vendor’s key, under the name of shim’s own list', () => {
    const ofVendor = encodeCertificateLists(variableGuids.shim, [vendor.certificate]);
    expect(authorities({ uki: sign(image(), vendor) })[2]).toBe(
      variable(variableGuids.shim, 'MokListRT', ofVendor.subarray(28)),
    );
  });

  it('takes the entry of db before that of its own list', () => {
    const authorized = concatBytes([lists(own), lists(vendor)]);
    expect(authorities({ shim: shimFor({ authorized }) })[2]).toBe(
      variable(variableGuids.imageSecurity, 'db', lists(own).subarray(28)),
    );
  });

  it('takes the image’s digest before a certificate', () => {
    const uki = image();
    const digest = digests(authenticodeDigest(uki, readPe(uki), 'sha256'));
    const db = concatBytes([lists(microsoft, own), digest]);
    const expected = variable(variableGuids.imageSecurity, 'db', digest.subarray(28));
    expect(authorities({ uki: sign(uki), variables: { ...keys, db } })[2]).toBe(expected);
    expect(authorities({ uki, variables: { ...keys, db } })[2]).toBe(expected);
  });

  it('has the oldest level and no authority with Secure Boot off', () => {
    expect(authorities({ ...off, uki: image() })).toEqual([sbatLevel('sbat,1,2021030218\n')]);
  });
});

describe('predictPcr14() with shim', () => {
  it('has shim’s lists, and that they are trusted', () => {
    const { status, events } = pcr(14);
    expect(status).toBe('predicted');
    expect(events.map(({ data }) => Buffer.from(data).toString())).toEqual([
      'MokList\0',
      'MokListX\0',
      'MokListTrusted\0',
    ]);
    expect(events.map(({ description }) => description)).toEqual([
      `shim’s MokList, ${28 + 16 + vendor.certificate.length} bytes`,
      `shim’s MokListX, ${forbidden.length} bytes`,
      'shim’s MokListTrusted, 1 bytes',
    ]);
  });

  it('is zero without shim', () => {
    expect(pcr(14, { machine: { shim: undefined } })).toMatchObject({ status: 'predicted', events: [] });
  });
});

describe('predictPcr04() with shim', () => {
  it('has shim, then the image, and the kernel where Secure Boot is off', () => {
    const described = (options: Options = {}) => pcr(4, options).events.map(({ description }) => description);
    const both = ['Authenticode digest of shim', 'Authenticode digest of the image'];
    expect(described().slice(2)).toEqual(both);
    expect(described({ ...off, uki: image() }).slice(2)).toEqual([
      ...both,
      expect.stringContaining('Authenticode digest of the kernel'),
    ]);
    expect(described({ ...off, uki: image(undefined, '262') }).slice(2)).toEqual(both);
  });
});

describe('predictTpm() with a shim that refuses the image', () => {
  const noSbat = makeUki('257', { '.linux': makeKernel() });

  it.each([
    ['for want of generations', { uki: sign(noSbat) }, 'it has no section ".sbat"'],
    ['by its generation', { uki: sign(image('sbat,1\nuki,1,a\n')) }, 'component "uki" is of generation 1'],
    ['without a generation', { uki: sign(image('sbat,1\nuki\n')) }, 'component "uki" is of generation'],
    ['that nobody vouches for', { uki: image() }, 'neither db nor MokList vouches for it'],
    ['by dbx', { variables: { ...keys, dbx: lists(own) } }, 'dbx forbids it'],
    ['by MokListX', { shim: shimFor({ deauthorized: lists(own) }) }, 'MokListX forbids it'],
    ['as firmware refuses shim', { variables: { ...keys, db: lists(own) } }, 'refuses to start shim'],
  ] as const)('%s', (_, options: Options, reason) => {
    for (const index of [4, 7, 11, 14]) {
      const register = pcr(index, options);
      expect(register).toMatchObject({ status: 'unpredictable', values: {} });
      expect(register.reason).toContain(reason);
    }
  });

  it('asks for nothing of that with Secure Boot off', () => {
    expect(pcr(7, { ...off, uki: noSbat })).toMatchObject({ status: 'predicted' });
  });
});

describe('predictTpm() and what is not known of shim', () => {
  it.each([
    ['another version', { shim: shimFor({ version: '15.8' }) }, 'What shim 15.8 measures is not known'],
    ['no shim', { shim: sign(image(), microsoft) }, 'has no section ".data.ident"'],
    [
      'several signatures',
      { uki: attachSignatures(image(), makeSignature(image(), own), makeSignature(image(), own)) },
      'several signatures',
    ],
    [
      'an image that QEMU hands over',
      { machine: { qemu: { directBoot: true } as QemuMachine } },
      'QEMU hands over',
    ],
    ['side files', { machine: { sideFiles: { 'a.efi': new Uint8Array(1) } } }, 'addons beside the image'],
  ] as const)('%s', (_, options: Options, reason) => {
    for (const index of [4, 7, 14]) {
      const register = pcr(index, options);
      expect(register).toMatchObject({ status: 'unpredictable', values: {} });
      expect(register.reason).toContain(reason);
    }
  });
});

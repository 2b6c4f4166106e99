import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import {
  encodeCertificateLists,
  encodeSignatureList,
  encodeVariableData,
  type Machine,
  type Prediction,
  predictedEvents,
  predictTpm,
  type RegisterPrediction,
  type SecureBootVariables,
  signatureTypes,
  toHex,
  variableGuids,
} from '../../src/index.ts';
import { makeDisk, makeEntry } from '../make-disk.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import { attachSignatures, makeIdentity, makeSignature } from '../make-signature.ts';

const builds = {
  'Debian OVMF 2022.11 without SMM': 'b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c',
  'Debian OVMF 2025.02 without SMM': '624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0',
  'Debian OVMF 2025.02': '1a46295574430cfb7f825ee3e4dc64b052acbef08e310377ed7c64cb757a9dc1',
} as const;
const emptyStore = '5d2ac383371b408398accee7ec27c8c09ea5b74a0de0ceea6513388b15be5d1e';
const owner = '11111111-2222-3333-4444-555555555555';
const own = makeIdentity('own');
const lists = encodeCertificateLists(owner, [own.certificate]);
const keys = { PK: lists, KEK: lists, db: lists };
const unsigned = (stub: string): Uint8Array =>
  makeUki(stub, {
    '.osrel': ascii('o'),
    '.cmdline': ascii('c'),
    '.initrd': ascii('i'),
    '.linux': makeKernel(),
  });
const sign = (uki: Uint8Array): Uint8Array => attachSignatures(uki, makeSignature(uki, own));

interface Options {
  readonly build?: keyof typeof builds;
  readonly secureBoot?: Machine['secureBoot'];
  readonly variables?: Partial<SecureBootVariables> | undefined;
  readonly uki?: Uint8Array;
}

function predict(options: Options = {}): Prediction {
  const { build = 'Debian OVMF 2025.02', secureBoot = 'on', uki = sign(unsigned('257')) } = options;
  const secureBootVariables = 'variables' in options ? options.variables : keys;
  const firmware = { codeSha256: builds[build], varsSha256: emptyStore };
  return predictTpm({
    uki,
    machine: {
      secureBoot,
      disk: makeDisk({ 0: makeEntry() }),
      optionRoms: false,
      firmware,
      secureBootVariables,
    },
    kernel: { ima: false },
  });
}

const pcr = (registerIndex: number, options: Options = {}): RegisterPrediction =>
  predict(options).registers[registerIndex] ?? expect.fail();
/** PCR 7's events as data in hex; the separator's is four bytes. */
const contents = (options: Options = {}): string[] => pcr(7, options).events.map(({ data }) => toHex(data));
const variable = (name: string, data: Uint8Array): string =>
  toHex(
    encodeVariableData(
      name.startsWith('db') ? variableGuids.imageSecurity : variableGuids.global,
      name,
      data,
    ),
  );
const none = new Uint8Array(0);
interface Keys {
  readonly PK?: Uint8Array;
  readonly KEK?: Uint8Array;
  readonly db?: Uint8Array;
  readonly dbx?: Uint8Array;
}
const vars = (state: Uint8Array, { PK = none, KEK = none, db = none, dbx = none }: Keys): string[] => [
  variable('SecureBoot', state),
  variable('PK', PK),
  variable('KEK', KEK),
  variable('db', db),
  variable('dbx', dbx),
];

describe('predictPcr07() with Secure Boot', () => {
  it('has the variables, the separator, and the entry of db that vouches for the image', () => {
    expect(pcr(7)).toMatchObject({ status: 'predicted' });
    expect(contents()).toEqual([
      ...vars(Uint8Array.of(1), keys),
      '00000000',
      // The entry without its list's header.
      variable('db', lists.subarray(28)),
    ]);
  });

  it('has dbt where there is one, between dbx and the separator', () => {
    const dbx = encodeSignatureList(signatureTypes.sha256, [{ owner, data: new Uint8Array(32) }]);
    const variables = { ...keys, dbx, dbt: lists };
    expect(contents({ variables }).slice(4, 7)).toEqual([
      variable('dbx', dbx),
      variable('dbt', lists),
      '00000000',
    ]);
  });

  it('puts the authority behind all separators and before the partition table', () => {
    const types = predictedEvents(predict()).map(
      ({ eventType, registerIndex }) => `${eventType} ${registerIndex}`,
    );
    const at = types.indexOf('EV_EFI_VARIABLE_AUTHORITY 7');
    expect(types.slice(at - 1, at + 2)).toEqual([
      'EV_SEPARATOR 6',
      'EV_EFI_VARIABLE_AUTHORITY 7',
      'EV_EFI_GPT_EVENT 5',
    ]);
  });

  it('is the same for a plain build of 2022.11, which enforces it', () => {
    expect(contents({ build: 'Debian OVMF 2022.11 without SMM' })).toEqual(contents());
  });
});

describe('predictPcr07() with Secure Boot off', () => {
  const off = { secureBoot: 'off', uki: unsigned('257') } as const;

  it('has empty variables without keys', () => {
    expect(contents({ ...off, variables: undefined })).toEqual([...vars(Uint8Array.of(0), {}), '00000000']);
  });

  it('has the keys of a store in which there is no platform key, or which is switched off', () => {
    const noPlatformKey = { KEK: lists, db: lists };
    expect(contents({ ...off, variables: noPlatformKey })).toEqual([
      ...vars(Uint8Array.of(0), noPlatformKey),
      '00000000',
    ]);
    expect(contents({ ...off, variables: { ...keys, enable: 0 } })).toEqual([
      ...vars(Uint8Array.of(0), keys),
      '00000000',
    ]);
  });

  it('has the keys, and an empty SecureBoot, for a build without Secure Boot', () => {
    const build = 'Debian OVMF 2025.02 without SMM';
    expect(contents({ ...off, build })).toEqual([...vars(none, keys), '00000000']);
    expect(contents({ ...off, build, variables: undefined })).toEqual([...vars(none, {}), '00000000']);
  });
});

describe('predictTpm() and contradictions', () => {
  it.each([
    ['on', undefined, 'Debian OVMF 2025.02', 'the variable store holds no platform key (PK)'],
    ['on', { ...keys, enable: 0 }, 'Debian OVMF 2025.02', 'the variable SecureBootEnable switches it off'],
    ['on', keys, 'Debian OVMF 2025.02 without SMM', 'is built without it'],
    ['off', keys, 'Debian OVMF 2025.02', 'with which the firmware turns it on'],
  ] as const)('says "%s" is not what the keys give', (secureBoot, variables, build, reason) => {
    for (const index of [4, 7]) {
      const register = pcr(index, { secureBoot, variables, build });
      expect(register).toMatchObject({ status: 'host-dependent', values: {} });
      expect(register.reason).toContain(reason);
    }
  });
});

describe('predictTpm() of an image that firmware refuses', () => {
  const refused = { uki: unsigned('257') };

  it('has no value for any register that the image’s start extends', () => {
    const { registers } = predict(refused);
    for (const index of [4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
      expect(registers[index]).toMatchObject({ status: 'unpredictable', values: {}, events: [] });
      expect(registers[index]?.reason).toContain('it is not signed, and db does not hold its digest');
    }
    for (const index of [2, 3, 6]) expect(registers[index]).toMatchObject({ status: 'predicted' });
  });

  it('does not guess where it can’t judge', () => {
    const constrained = makeIdentity('constrained', { ca: true, nameConstraints: true });
    const leaf = makeIdentity('leaf', { issuer: constrained });
    const uki = unsigned('257');
    const options = {
      uki: attachSignatures(uki, makeSignature(uki, leaf)),
      variables: { ...keys, db: encodeCertificateLists(owner, [constrained.certificate]) },
    };
    expect(pcr(7, options)).toMatchObject({ status: 'unpredictable', values: {} });
    // If it starts, then with these values.
    expect(pcr(11, options)).toMatchObject({ status: 'predicted' });
  });

  it('does not guess where db is malformed', () => {
    const variables = { ...keys, db: lists.subarray(0, -1) };
    expect(pcr(7, { variables })).toMatchObject({ status: 'unpredictable', values: {} });
  });
});

describe('predictPcr04() with Secure Boot', () => {
  it.each(['252', '257', '262'])('has the image and not its kernel for stub %s', (stub) => {
    const { status, events } = pcr(4, { uki: sign(unsigned(stub)) });
    expect(status).toBe('predicted');
    expect(events.map(({ stage }) => stage)).toEqual(['boot-option', 'separators', 'image']);
  });

  it('has the kernel for stub 257 where the keys are switched off', () => {
    const { events } = pcr(4, { secureBoot: 'off', variables: { ...keys, enable: 0 } });
    expect(events.map(({ stage }) => stage)).toEqual(['boot-option', 'separators', 'image', 'kernel']);
  });
});

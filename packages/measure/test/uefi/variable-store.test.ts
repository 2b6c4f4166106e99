import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  addVariables,
  enforcesSecureBoot,
  findVariable,
  MeasureError,
  parseVariableStore,
  readSecureBootVariables,
  toHex,
  variableGuids,
} from '../../src/index.ts';
import { haveVectors, vectorBytes } from '../vectors.ts';
import { emptyStore } from './empty-store.ts';

/** Guid, name, attributes and data of a variable in every test. */
const { global } = variableGuids;
const variable = (name: string, data: string | Uint8Array, guid: string = global) => ({
  guid,
  name,
  attributes: 7,
  data: typeof data === 'string' ? ascii(data) : data,
});

const changed = (bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
};
const first = 72 + 28;

describe.skipIf(!haveVectors)('parseVariableStore()', () => {
  it.each(['PK', 'KEK', 'db'] as const)('finds the list of %s in an enrolled store', (name) => {
    const read = readSecureBootVariables(vectorBytes('secure-boot/go-uefi/OVMF_VARS.fd'));
    expect(toHex(read[name])).toBe(toHex(vectorBytes('secure-boot/go-uefi', `${name}.esl`)));
    expect(read.dbx).toHaveLength(0);
    expect(enforcesSecureBoot(read)).toBe(true);
  });

  it('keeps deleted records, and does not find them', () => {
    const store = parseVariableStore(vectorBytes('secure-boot/go-uefi/OVMF_VARS.fd'));
    const timeouts = store.records.filter(({ name }) => name === 'Timeout');
    expect(timeouts.map(({ state }) => state.toString(16))).toEqual(['3c', '3c', '3f']);
    expect(findVariable(store, global, 'Timeout')).toBe(timeouts[2]);
  });
});

describe('addVariables()', () => {
  it('writes what parseVariableStore() reads, aligned to four bytes', () => {
    const bytes = addVariables(emptyStore(), [variable('A', 'x'), variable('Boot0000', 'yes')]);
    const store = parseVariableStore(addVariables(bytes, [variable('C', new Uint8Array(0))]));
    expect(store.authenticated).toBe(true);
    expect(store.records.map(({ name, data, state }) => `${name} ${toHex(data)} ${state}`)).toEqual([
      'A 78 63',
      'Boot0000 796573 63',
      'C  63',
    ]);
    expect(store.records.map(({ offset }) => offset % 4)).toEqual([0, 0, 0]);
  });

  it('leaves all other bytes as they are', () => {
    const before = emptyStore();
    const after = addVariables(before, [variable('A', 'x')]);
    expect(after.length).toBe(before.length);
    expect(toHex(after.subarray(0, first))).toBe(toHex(before.subarray(0, first)));
    expect(after.subarray(first + 68).every((byte) => byte === 0xff)).toBe(true);
  });

  it('refuses what does not fit', () => {
    const wanted = [variable('A', new Uint8Array(100))];
    expect(parseVariableStore(addVariables(emptyStore(164), wanted)).records).toHaveLength(1);
    expect(() => addVariables(emptyStore(163), wanted)).toThrow('the store has 163 left');
  });
});

describe('findVariable()', () => {
  const two = addVariables(emptyStore(), [variable('A', 'old'), variable('A', 'new')]);
  const second = parseVariableStore(two).records[1]?.offset ?? expect.fail();
  const find = (bytes: Uint8Array): string | undefined => {
    const found = findVariable(parseVariableStore(bytes), global, 'A');
    return found && Buffer.from(found.data).toString();
  };

  it('takes the first record that counts', () => {
    expect(find(two)).toBe('old');
    expect(find(changed(two, first + 2, 0x3c))).toBe('new');
    expect(find(changed(changed(two, first + 2, 0x3c), second + 2, 0x3d))).toBeUndefined();
  });

  it('takes one that was being replaced only where no other counts', () => {
    expect(find(changed(two, first + 2, 0x3e))).toBe('new');
    // Its successor was not finished.
    expect(find(changed(changed(two, first + 2, 0x3e), second + 2, 0x7f))).toBe('old');
    expect(find(changed(changed(two, first + 2, 0x3e), second + 2, 0x3e))).toBe('new');
  });

  it('tells GUIDs and names apart', () => {
    const bytes = addVariables(emptyStore(), [
      variable('db', 'a'),
      variable('dbx', 'b', variableGuids.imageSecurity),
    ]);
    const store = parseVariableStore(bytes);
    expect(findVariable(store, variableGuids.imageSecurity, 'db')).toBeUndefined();
    expect(findVariable(store, variableGuids.imageSecurity, 'dbx')?.data).toEqual(ascii('b'));
  });
});

describe('parseVariableStore() and broken stores', () => {
  const bytes = addVariables(emptyStore(), [variable('A', 'x'), variable('B', 'y')]);

  it('passes over a header that was never finished', () => {
    const unfinished = changed(bytes, first + 36, 0xff, 0xff, 0xff, 0xff);
    expect(parseVariableStore(unfinished).records).toEqual([]);
    const onlyHeader = concatBytes([bytes.subarray(0, first), new Uint8Array(60).fill(0xff)]);
    const made = changed(changed(emptyStore(), 0, ...onlyHeader), first, 0xaa, 0x55, 0x7f);
    const next = addVariables(emptyStore(), [variable('B', 'y')]).subarray(first, first + 68);
    const store = parseVariableStore(changed(made, first + 60, ...next));
    expect(store.records.map(({ name }) => name)).toEqual(['B']);
  });

  it('ends at a record that reaches past the store', () => {
    const second = parseVariableStore(bytes).records[1]?.offset ?? expect.fail();
    const store = parseVariableStore(changed(bytes, second + 40, 0xff, 0xff, 0xff, 0x7f));
    expect(store.records.map(({ name }) => name)).toEqual(['A']);
  });

  it.each([
    ['FileSystemGuid', changed(bytes, 16, 0), 'EFI_FIRMWARE_VOLUME_HEADER.FileSystemGuid at 0x10'],
    ['FvLength', changed(bytes, 36, 1), 'EFI_FIRMWARE_VOLUME_HEADER.FvLength at 0x20'],
    ['Signature', changed(bytes, 40, 0), 'EFI_FIRMWARE_VOLUME_HEADER.Signature at 0x28'],
    ['HeaderLength', changed(bytes, 48, 0, 0), 'EFI_FIRMWARE_VOLUME_HEADER.HeaderLength at 0x30'],
    ['store signature', changed(bytes, 72, 0), 'VARIABLE_STORE_HEADER.Signature at 0x48'],
    ['Size', changed(bytes, 88, 0xff, 0xff, 0xff, 0xff), 'VARIABLE_STORE_HEADER.Size at 0x58'],
    ['State', changed(bytes, 93, 0xff), 'VARIABLE_STORE_HEADER.State at 0x5c'],
    ['no bytes', new Uint8Array(0), 'EFI_FIRMWARE_VOLUME_HEADER.ZeroVector at 0x0'],
  ])('names what is wrong: %s', (_, broken, message) => {
    expect(() => parseVariableStore(broken)).toThrow(message);
  });

  it('throws nothing but MeasureError', () => {
    const edits = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(edits, fc.nat(bytes.length), (changes, length) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, value] of changes) copy[at] = value;
        try {
          readSecureBootVariables(length % 3 === 0 ? copy.subarray(0, length) : copy);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('enforcesSecureBoot()', () => {
  it('needs a platform key, and that nobody switched it off', () => {
    const read = (...variables: readonly ReturnType<typeof variable>[]): boolean =>
      enforcesSecureBoot(readSecureBootVariables(addVariables(emptyStore(), variables)));
    const enable = (value: number) =>
      variable('SecureBootEnable', Uint8Array.of(value), variableGuids.secureBootEnable);
    expect(read()).toBe(false);
    expect(read(variable('PK', 'key'))).toBe(true);
    expect(read(variable('PK', 'key'), enable(1))).toBe(true);
    expect(read(variable('PK', 'key'), enable(0))).toBe(false);
    expect(read(variable('KEK', 'key'), enable(1))).toBe(false);
  });
});

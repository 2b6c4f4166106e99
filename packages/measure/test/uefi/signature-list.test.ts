import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  encodeCertificateLists,
  encodeSignatureList,
  MeasureError,
  parseCertificate,
  parseSignatureLists,
  signatureTypes,
  toHex,
} from '../../src/index.ts';
import { haveVectors, vectorBytes } from '../vectors.ts';

const owner = '11111111-2222-3333-4444-555555555555';
const entry = (byte: number, length = 32) => ({ owner, data: new Uint8Array(length).fill(byte) });

describe.skipIf(!haveVectors)('parseSignatureLists() of enrolled lists', () => {
  it.each([
    ['PK', 'Platform Key'],
    ['KEK', 'Key Exchange Key'],
    ['db', 'Database Key'],
  ])('%s', (name, title) => {
    const [list, ...others] = parseSignatureLists(vectorBytes('secure-boot/go-uefi', `${name}.esl`));
    expect(others).toEqual([]);
    expect(list?.type).toBe(signatureTypes.x509);
    const certificates = list?.signatures.map(({ data }) => parseCertificate(data).title);
    expect(certificates).toEqual([title]);
  });

  it('is what encodeSignatureList() turns back', () => {
    const bytes = vectorBytes('secure-boot/go-uefi/db.esl');
    const encoded = parseSignatureLists(bytes).map(({ type, signatures }) =>
      encodeSignatureList(type, signatures),
    );
    expect(toHex(concatBytes(encoded))).toBe(toHex(bytes));
  });
});

describe('parseSignatureLists()', () => {
  it('reads lists of several types one after the other', () => {
    const bytes = concatBytes([
      encodeSignatureList(signatureTypes.sha256, [entry(1), entry(2)]),
      encodeCertificateLists(owner, [new Uint8Array(100), new Uint8Array(200)]),
      encodeSignatureList('01234567-89ab-cdef-0123-456789abcdef', [entry(3, 1)]),
    ]);
    const lists = parseSignatureLists(bytes);
    expect(lists.map(({ type, signatures }) => [type, signatures.map(({ data }) => data.length)])).toEqual([
      [signatureTypes.sha256, [32, 32]],
      [signatureTypes.x509, [100]],
      [signatureTypes.x509, [200]],
      ['01234567-89ab-cdef-0123-456789abcdef', [1]],
    ]);
    expect(lists[0]?.signatures[1]).toMatchObject(entry(2));
  });

  const list = encodeSignatureList(signatureTypes.sha256, [entry(1)]);
  const changed = (at: number, value: number): Uint8Array => {
    const copy = Uint8Array.from(list);
    new DataView(copy.buffer).setUint32(at, value, true);
    return copy;
  };

  it.each([
    ['a list smaller than its header', changed(16, 27), 'SignatureListSize at 0x10'],
    ['a list of no size, which would never end', changed(16, 0), 'SignatureListSize at 0x10'],
    ['a list larger than the variable', changed(16, 0xffff_ffff), 'SignatureListSize at 0x1c'],
    ['a header larger than the list', changed(20, 49), 'SignatureHeader at 0x1c'],
    ['entries of no size', changed(24, 0), 'SignatureSize at 0x18'],
    ['entries without data', changed(24, 16), 'SignatureSize at 0x18'],
    ['entries that do not fill the list', changed(24, 47), 'SignatureSize at 0x18'],
    ['a list that is cut short', list.subarray(0, 20), 'needs 4 bytes, 0 remain'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseSignatureLists(bytes)).toThrow(message);
  });

  it('gives back what was encoded', () => {
    const lists = fc.array(
      fc.record({
        type: fc.constantFrom(...Object.values(signatureTypes)),
        count: fc.integer({ min: 1, max: 4 }),
        size: fc.integer({ min: 1, max: 80 }),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(lists, (all) => {
        const encoded = all.map(({ type, count, size }) =>
          encodeSignatureList(
            type,
            Array.from({ length: count }, (_, index) => entry(index, size)),
          ),
        );
        const read = parseSignatureLists(concatBytes(encoded));
        expect(read.map(({ signatures }) => signatures.length)).toEqual(all.map(({ count }) => count));
        expect(read.map(({ type }) => type)).toEqual(all.map(({ type }) => type));
      }),
      { numRuns: 200 },
    );
  });

  it('throws nothing but MeasureError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parseSignatureLists(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('encodeSignatureList()', () => {
  it('refuses entries of several sizes', () => {
    expect(() => encodeSignatureList(signatureTypes.sha256, [entry(1), entry(2, 31)])).toThrow('one size');
  });
});

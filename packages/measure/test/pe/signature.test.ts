import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes, Writer } from '../../src/bytes/writer.ts';
import {
  appraiseImage,
  authenticodeDigest,
  encodeCertificateLists,
  MeasureError,
  readCertificateTable,
  readPe,
  toHex,
} from '../../src/index.ts';
import { parseAuthenticodeSignature } from '../../src/pe/signature.ts';
import { makePe } from '../make-pe.ts';
import { attachSignatures, makeIdentity, makeSignature } from '../make-signature.ts';
import { haveVectors, vectorBytes } from '../vectors.ts';

const owner = '11111111-2222-3333-4444-555555555555';
const image = makePe([{ name: '.data', data: ascii('data') }]);
const own = makeIdentity('own');
const none = new Uint8Array(0);

describe.skipIf(!haveVectors)('parseAuthenticodeSignature() of files that others signed', () => {
  it.each(['HelloWorld.efi.signed', 'test.pecoff.signed'])('%s', (name) => {
    const bytes = vectorBytes('authenticode/go-uefi', name);
    const pe = readPe(bytes);
    const table = readCertificateTable(bytes, pe) ?? expect.fail('not signed');
    expect(table).toMatchObject({ intact: true, entries: [{}] });
    const signature = parseAuthenticodeSignature(table.entries[0]?.pkcs7 ?? none);
    expect(signature.digestAlgorithm).toBe('sha256');
    expect(toHex(signature.contents.subarray(-32))).toBe(toHex(authenticodeDigest(bytes, pe, 'sha256')));
    const [signer] = signature.certificates;
    const db = encodeCertificateLists(owner, [signer?.encoded ?? expect.fail('no certificate')]);
    expect(appraiseImage(bytes, { db, dbx: none, dbt: none })).toMatchObject({ verdict: 'allowed' });
    // A byte of the signature, which ends the file but for its padding.
    const forged = Uint8Array.from(bytes);
    const at = bytes.length - 20;
    forged[at] = (forged[at] ?? 0) ^ 1;
    expect(appraiseImage(forged, { db, dbx: none, dbt: none })).toMatchObject({ verdict: 'refused' });
  });

  it.each(['HelloWorld.efi', 'test.pecoff', 'linuxx64.efi.stub'])('%s is not signed', (name) => {
    const bytes = vectorBytes('authenticode/go-uefi', name);
    expect(readCertificateTable(bytes, readPe(bytes))).toBeUndefined();
  });
});

describe('readCertificateTable()', () => {
  /** The image with a table of these entries: type and contents. */
  const withTable = (...entries: readonly (readonly [type: number, contents: Uint8Array])[]): Uint8Array => {
    const table = new Writer();
    for (const [type, contents] of entries)
      table
        .u32(8 + contents.length)
        .u16(0x200)
        .u16(type)
        .bytes(contents)
        .align(8);
    const bytes = concatBytes([image, table.finish()]);
    const at = readPe(image).certificateEntryOffset ?? 0;
    new DataView(bytes.buffer).setUint32(at, image.length, true);
    new DataView(bytes.buffer).setUint32(at + 4, table.length, true);
    return bytes;
  };
  const read = (bytes: Uint8Array) => readCertificateTable(bytes, readPe(bytes));
  // 4aafd29d-68df-49ee-8aa9-347d375665a7
  const pkcs7Guid = Uint8Array.from(Buffer.from('9dd2af4adf68ee498aa9347d375665a7', 'hex'));

  it('takes PKCS #7 entries of both types, and passes over others', () => {
    const table = read(
      withTable(
        [1, ascii('X.509')],
        [2, ascii('signed')],
        [0xef1, concatBytes([pkcs7Guid, ascii('too')])],
        [0xef1, concatBytes([new Uint8Array(16), ascii('RSA')])],
      ),
    );
    expect(table?.intact).toBe(true);
    expect(table?.entries.map(({ pkcs7 }) => Buffer.from(pkcs7).toString())).toEqual(['signed', 'too']);
  });

  it.each([
    ['an empty signature', withTable([2, none])],
    ['a GUID and nothing more', withTable([0xef1, pkcs7Guid])],
  ])('is not intact with %s', (_, bytes) => {
    expect(read(bytes)).toEqual({ entries: [], intact: false });
  });

  it('is not intact where sizes do not add up', () => {
    const bytes = withTable([2, ascii('12345678')]);
    for (const length of [0, 7, 17, 0xffff_ffff]) {
      new DataView(bytes.buffer).setUint32(image.length, length, true);
      expect(read(bytes)).toEqual({ entries: [], intact: false });
    }
  });

  it('refuses a table past the end of the file', () => {
    expect(() => read(withTable([2, ascii('12345678')]).subarray(0, -1))).toThrow(MeasureError);
  });
});

describe('appraiseImage() and hostile input', () => {
  const signed = attachSignatures(image, makeSignature(image, own));
  const db = encodeCertificateLists(owner, [own.certificate]);

  it('allows nothing that was changed where the signature or the image lies', () => {
    // What neither is signed nor decides: header fields of the table's entry, and the padding.
    fc.assert(
      fc.property(fc.nat(signed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const copy = Uint8Array.from(signed);
        copy[at] = (copy[at] ?? 0) ^ flip;
        let verdict = 'unreadable';
        try {
          verdict = appraiseImage(copy, { db, dbx: none, dbt: none }).verdict;
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
        const covered = at < image.length && !unsignedHeader(at);
        if (covered) expect(verdict).not.toBe('allowed');
      }),
      { numRuns: 1500 },
    );
  });

  it('throws nothing but MeasureError for any PKCS #7', () => {
    const pkcs7 = makeSignature(image, own);
    const edits = fc.array(fc.tuple(fc.nat(pkcs7.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.nat(pkcs7.length), (changes, length) => {
        const copy = Uint8Array.from(pkcs7);
        for (const [at, value] of changes) copy[at] = value;
        try {
          parseAuthenticodeSignature(length % 4 === 0 ? copy.subarray(0, length) : copy);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  function unsignedHeader(at: number): boolean {
    const { checkSumOffset, certificateEntryOffset = 0 } = readPe(image);
    return (
      (at >= checkSumOffset && at < checkSumOffset + 4) ||
      (at >= certificateEntryOffset && at < certificateEntryOffset + 8)
    );
  }
});

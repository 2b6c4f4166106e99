import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { MeasureError } from '../../src/error.ts';
import { isDebugTd, looksLikeTdxQuote, parseTdxQuote, quotedRegister } from '../../src/tdx/quote.ts';
import { haveVectors, vectorBytes } from '../vectors.ts';

describe.skipIf(!haveVectors)('parseTdxQuote()', () => {
  it('reads version 4', () => {
    const quote = parseTdxQuote(vectorBytes('tdx', 'go-tdx-guest', 'tdx_prod_quote_SPR_E4.dat'));
    expect(quote).toMatchObject({ version: 4, report: 'td10' });
    expect(quote.mrtd).toHaveLength(48);
    expect(quotedRegister(quote, 0)).toBe(quote.mrtd);
    expect(quotedRegister(quote, 4)).toBe(quote.rtmrs[3]);
    expect(quotedRegister(quote, 5)).toBeUndefined();
  });

  it('reads version 5', () => {
    const quote = parseTdxQuote(vectorBytes('tdx', 'go-tdx-guest', 'quote_v5_sample.dat'));
    expect(quote.version).toBe(5);
    expect(['td10', 'td15']).toContain(quote.report);
    expect(toHex(quote.rtmrs[3])).toBe('00'.repeat(48));
  });

  it('refuses a quote that is cut short, of another version, or of another processor feature', () => {
    const bytes = vectorBytes('tdx', 'go-tdx-guest', 'tdx_prod_quote_SPR_E4.dat');
    expect(() => parseTdxQuote(bytes.subarray(0, 600))).toThrow(/TDX_QUOTE.body at 0x30: needs 584 bytes/);
    const changed = (at: number, value: number): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy[at] = value;
      return copy;
    };
    expect(() => parseTdxQuote(bytes.subarray(0, 632))).toThrow(/without a signature/);
    expect(() => parseTdxQuote(bytes.subarray(0, 634))).toThrow(/signatureSize/);
    expect(() => parseTdxQuote(bytes.subarray(0, 4934))).toThrow(/signature/);
    expect(parseTdxQuote(bytes.subarray(0, 4935)).untrustedSignature).toHaveLength(4299);
    const unsigned = Uint8Array.from(bytes);
    unsigned.fill(0, 632, 636);
    expect(() => parseTdxQuote(unsigned)).toThrow(/has no signature/);
    expect(() => parseTdxQuote(changed(635, 0xff))).toThrow(/signature/);
    expect(() => parseTdxQuote(changed(0, 3))).toThrow(/version/);
    expect(() => parseTdxQuote(changed(4, 0))).toThrow(/teeType/);
  });
});

describe.skipIf(!haveVectors)('isDebugTd()', () => {
  it('is bit 0 of the attributes', () => {
    const bytes = Uint8Array.from(vectorBytes('tdx', 'gcp', 'quote.bin'));
    expect(isDebugTd(parseTdxQuote(bytes))).toBe(false);
    bytes[48 + 120] = 1;
    expect(isDebugTd(parseTdxQuote(bytes))).toBe(true);
    expect(looksLikeTdxQuote(bytes)).toBe(true);
    expect(looksLikeTdxQuote(bytes.subarray(0, 7))).toBe(false);
  });
});

describe('parseTdxQuote() of arbitrary bytes', () => {
  it('throws nothing but a MeasureError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 800 }), (bytes) => {
        try {
          parseTdxQuote(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
    );
  });
});

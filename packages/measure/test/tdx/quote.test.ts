import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { MeasureError } from '../../src/error.ts';
import { parseTdxQuote, quotedRegister } from '../../src/tdx/quote.ts';
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
    expect(() => parseTdxQuote(changed(0, 3))).toThrow(/version/);
    expect(() => parseTdxQuote(changed(4, 0))).toThrow(/teeType/);
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

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeZstd, MeasureError } from '../../src/index.ts';
import { text } from './make-text.ts';

/** Frames that zstd 1.5.4 made of these bytes, with the options that stand above each. */
const frames: readonly { readonly name: string; readonly bytes: Uint8Array; readonly frame: string }[] = [
  // zstd -1
  {
    name: 'short',
    bytes: text(300),
    frame:
      'KLUv/QRIJQIAQgQOFJA5HQAXeLeqEk2zz8yEH1d3vr1ABlALJeO0y4u5pHOJ0C7QFoJVP6K3LtmxpzMgCW5fdn2wxxYCAECgZGA8wQwY14WG',
  },
  // zstd -1
  {
    name: 'lines, level 1',
    bytes: text(150000),
    frame:
      'KLUv/QRIpD8AelrwBxmQq9AaAMjPqhKoG/p/Le8tpZQyPeDv2gAEmwBuAG8AhbkT7fbJ7Yxd8SZtO/bO99zcLWJmhRmx28fT3BVPcubD7vPOs2vcdmEusXtuT9OZ5fbIPmzPz9zMzrNoM8I92Zm9Yh7x0fZuq5kVnhN2ezbNtqUjjs73NjcADB4oWHBgaICQ0GAI0BBggYGEBgoWEIYCCwiDgAcGCkMCAYWEB0OABgrDgsKwwMCABA4WBoQhoYHCg8HAggKCASHZROe5TbNZ8XbJ7TbO7Nt0szOL9gg3O+dpKtttZHuY+e3mmRWdFbsnkZ/cjW3Fndjm6Pazc7OIPSvcJPJjtybbS2fER3vb2tax2wuzJe48rdm2shu5zYZne2eam7nCJbo9bcYu7e7Esfl5611xD7nX8Qo3iTPP5qbp3NItycbu5+ZlPK/wnMg+mdm7dDvJG+bet1k5r9gl2u24JrdyxHPstpveEbOLTOL246bJs4sZ2e3R3pvb1jD3om3C9rQZcyueTdodm33urlufd2ES7R03TbYlJ97Dz9bMzfMKA9m7nXvb6W7rZ/fX5nffndm5b2+75a59dp5t/3pvm11tt9unnb+72e3nefbetu92+2cWeYT3ycx5yYnn2Mw30z0rztwil9g+2Z3xrniTbJi9526eEdmFG7F3btfsVrZzkm2OfdOGYqizsu/+fwbjr7OzBhPwe3DhCPyvIOCkUlBDlv3JcpZvMUsZNmhQuHgENqIhMjHDcHEQQ+BVEzYDASo8yY0YMV0apKuxkLt9XtUSfRSlEaQ5BLHYSmMwxYWhlcW8G0AxYlDewqBc7oaf5lQSIs9eZvK+AiLGUkQVAoZeCsHMMPqhohFDKEWXJJgQcYUHETVoXV8OJnOYNAWSkpd5cAVBB7nCEHAdC2wUVRdD4F+xQUJgMmtYpIEiEMNNY8uC0gIch1CKCiSFAh5cQdAg5AIcxShPxCD4IlxzCLwqEUIiaCiOqcigqHLDGYSv6Ak7UqIoMsuJoDRjwEVZUEy2SHhqikMgBL5kVd8kcUdDFGpnEMsWhoYMwsCgusSC4SEEzsVD4JfI5v0iibML4MVDdCRykmBQXEEY3i+TdNBfaUcXGUapgAiQrkJDTvUAVXAMlr5UCHkmqZVEsUAHuaIcSRiixCCoHfGAgcLAS4cRcA0wmjhaFxsAJoEUvGVV5e0AFYShTDjVjEB6AqWLkGEQKuD5ImoYyq8EUD0EYWqkaKLkAoNduiBBbIYGv1bhrREIMUMMTNfnjMuoZNqgQSvKBWHdoMBgwcIihqHKS0cqCnVFQengzmGIY1RRwXtMMhyjhk79zGAQSquxoagfixDEUWYKl0ZeRlVF07qNYsSAGGMMotEwYtCwqKmoQRQEK7QMcRRDkP2GNIxIhUuiZRqIYhyjkKMMLo1CLQaGYvDHhhjmzyIDQSDdhFAMMch+Q0FgSDKKRRTFuWIILgc9zDC2xIExMijGv0WBZYGpI8Y4iiGHQhQwjEGGRIRBr4gBS6aEEEYMw8UPDDEmlUaMhQZA3xnGMBa9xBAKY4j12VAQgsilIAYGQb5LEIbGl8QQZXddKr47QwYjebqGDYMwnlZjGFrmY8AgKldAiBgQ9XMQYgY3jTKIDUa6WiIwwIkYQjGGQNFLLG1gq7ScPhlG4SVvhFADuSdiMDIcuDdDlkMZkcFLgg+G0F8EYeRPRQYCBkjDKMaI6CsyEuKVCxHjIA6NM4iXdTRAjEPU3hhgyECPhBgEsQENNAyEuUFkEGAQdJBhEMTTLcOBQbjPGFgWLdJKDDEWAx44xGiIv4wxtpQeGAgNhTpitFSMf40YBEL8ZdRADOa8ODAUxkzGMAhBMFrHljGIMtkgBlHcJQMsm3saZjCGLswwCi95k+EGUcjByKAlT8Uw4FeXpRldMRDCZ+Ighgy13MrQoMiQAxoGg4Z5DBjG4J+xZTEEWgriZQGmMcQgCuKvYhiCILglxhjGoPSZYQNRaEuMkRj+TiF+wzDQkLCg+wkhwhDUOgBABKHNCAAQggQbKiVvAIAQBLAfIQIIQbwhAADsBkIEAADgDQEAIQT0DWEIAAD/Dk4IABBuFYaMoMcIAQAhTRxAEAI5XxQyBDpfAEAIQC0BAIIEYH6EgIRApwKEYAQS5wAgABL8dAGkIeAqhGD8uQKEAQgyCCAIRqIhgCGENVNxoHQQMvyWhQkBAMG5JYQg9M0CQACAEOQYACBIgLMIJpAA2MiCACYLQAAkeNMDBEGEOIEACGBC2wMwhADQ6QKQQoBrAIAIym82BzDziCFFnlEIwglAXmUAAm5XhADYjAAAQQjAfobRGQIEAOCWgoQTAHSMAYQA2Q1CEALfGAAgBwBvIAAhAOcGAYQgBLeGEAoGegkjA6BLICEIIsQHgEEQAO0iDCAAYcwgACAA7rsAEEYIh+zsEIAxSwhBIIE/IwBG8htEAEE3VSQAw0wCBEIIgm1AAgCQYQwAGEyYN4AAAODFRwEAEIS/CAjCEOL8AYCQmwIgBBMA3YAgAAHkHoAhA8BfFoLADQgCAADApxFEqgkjBACY0JYjICEQ3JQChIMEgHshJAh7KwEgQahDhDD4BiAMAMBtJQPdZkAwAoQ/ApDeq3LkmCrH2TCskLHgOXwQcJ9FFrdPlz1sieDTs8OHHfZRjGBB+r+PIPPp+Qm4fZvfhTFeAdy+feFx4BLgzw4fdtgSwSeEVzqxgbFx0RWNCQATiAh3vr277p11233Wnfm25e2WfbvV3nneeb/b3b7mdnbeuwsBgS+YYX4AEvgTIDJH8P8nCnXMBySD5oUrBfSJZqAA0ql2l3YgHvQrarAEUpnhsYh0AYkDgxREl8Fdf9DlBMCmAcUajqkZdKSNEBUGTnPf7jcKykC7gUOB7i0CpgwfVxCaknuhTIq3QXFQXMJAsqMSg6GADDK7ZlBmSNRjig9IHI8EME0DisN57yIE1IY0SEyIECf4QFQAkxYO4CVH0C1ZRlTbQzuQVbphInCWjsrXELH3HQdiwqKOMh4NzvNGdBMIDUoQmEnL0aXA1MWHgyE9eN0pJDgQVi0iMnhYHPcEEQbC3BZDxUBDYlxOxnfDGSBTTNuhMpQrdA0oCYGRscvJQLkBIUHhQbkCMEgBDTiH+OM=',
  },
  // zstd -19 --check
  {
    name: 'lines, level 19 with checksum',
    bytes: text(150000),
    frame:
      'KLUv/QRo7D4A2lDsBxeQLbQG4Coo8Bbk//vLlntvudPnqbsHJ5QAcwBrAFfOOGlPF0faS4dnuDGVLbz0qnYZK9HS2Uby6AwvFc2lLuzPzaq4crJ5XuSveLwZb+Ytrmz5zIvZbuKWji5ixUuHXjLskvHCtnXttCzx/Ngim8e2RmcsOt/b3AAgJhweEErEQEJECagEPBwkRDgYNAwUgQuEQkkoUEiYKAERCqVBoTwcEDBINJSBkhChMFEOGhQWykB2onlsD/E8zNZIo134rZmel2SfTqQ7OjOyNW1FZ9+5XZq05dLZEtJ5ZFgyW7mo4qeuJW0peU+O5Idn+OaiRX7m1vmSPY1YuXiUG2e86OKV1S7ETqrsuSKSx8WMi5m3uHTx07bjUuKeuohU7rC00cZCy7sGSR7PNuId3hneJivsTz071sl29pD2482407RZ7Kt5IV7ieU5kj26N1mSFftp16CX5cSQ7dqN2k1dk32bGXrKnDXGP3IwzWbztaWf0JM/p5rFtZOataPvctgrz5LaPLXLbkWfsacxp8fq3W1+Z0W7MIr/dLuOTxLMnR8pjMwzf1F70pntn3hLPsUU2j7YYrdmK/l3PivOkK+ecyG9HutEZt+L8tu3eThLzjovYHrlhaa643dLcPLuk29Md4u3RmVFu2gr3Tff6NOncccSOcyM3XrH5Zpold4SgqANxvtd/NgMjW8+o3A4jEPA30KAQBP4VBBAEHAlQQVEc9gdpiYOuww0NMPgzj437kyeXWMIxDC5iqNTXkvGd3A7rcP4JNjK/tNnIceRSLMExWxIDHhnc8KUKt4qh+i8WOilwBhU0IHjC8DLnlC9paOnmUpEBRHCttEjTYAx1KvJRTfxw+FIN5mNm8AGxf+MPcYEbHA/xWr6cZ3qcMvhA1MXAoHHTXISHG+JHj6EupWio2N1omIF4UIgFQhD9R4ihCcoRm1FmDRqS4T1Mxy5T+DEw0EAH4wYWM8jAjKFxkMNZrjCRgf0pCHQxAGlbPtw2/4MHIXwwMvyYXiaa3rRsSyF1Bg0V5pwSlwvETkVm4Me4aAOLpxuWd/4G0ZgwHBR8pLd4ZHA0pOsIAQMG/wQCgVFx03hosMhA3X00wJCVcrCDkpkBL79IsyxDoM6oUgMUu93DxoffmvgNQtCk1tHMsGWMIlVg/osrgaSWBCL1KwZDjJQHo2WCbxxs1aV3Gxr3+LBbhsGw08S4AQMMP0xZZthDJSwzNBiHsKE/yaizpaOXek4+xMWcN3jp4MjCMEQ4+DJDw+D9iJgxLLGpGIORFpaNPcNdCQ3SSmvIBhzKSXdLEljnscNLWZk1GDqEedBigKXhTiEYXDAkvMYYmpYXGi4Mmxa5OKnw5OciRqIyL9XA+J54CMOIWhhu4Iak5dDyik13RB45wWZl0PAGNvBhfjyI+K4i4qIRE7xsxPB17yHCAiNKHYdupEOXF24hoVGFcaClnaNLzOEWokGc2nEEc03aiXlYuMGoDcsKNcg3t9ww07ZLlzuGqjhRZpcnuOQBUwbmVC0IGxB+oqFloNMiA8sGXwzC/AAjEb/D5GDckFNsNtwgU4sINsBAeHyXYvhScbrSyzsIQfitRH4WLsY2ImJQw2zMM/QgA84YF0bmOKaHY0N6Nt4GgxgCKeFlGih8zkfLjTOk9jZsCTE69UIcGQz3huPxMnuYIYPhpPjjoSVrB5hfbnw0SMo1fi9j0JELvpQgoqpx52nqqGdckiHYmIHCDS7WGwxa0lzRUMPDBn/fUAOX5usGGC6IejAN/aENwIYe8t992WP3xBm3oZhRHNSzvrBg6JFBLUwOCwz7mA0WH3p9xBINBqODR4NdRsiPNnhEP8vBMlx+oUH4LiOEFJHCaZkEG0C6g30ju2xQLGiaHfHuDIaJ9mMETPD8/LUcEaQs6NIsxCKYIKF/ls69NQxXbFsHck4igiXIT3+xizT3RiEIT3AHXCnkdC2NBYzgiFB4jywJfZZgnBESgvqa4EcaEXMyQD5FyMwnkRs5m7dfmdA3GYq9Kktwwp5KCHcuSxy6FYscBKWXIZAgEcaJDuhj4hkth0GwfmKIQ1568Hw2whAksm+jqRvqXNGgZlIi29/sCnT2EKa5/wgIAXRbXo+UcDOYvhBHgn4R6LhZhYyAvyHLhL0JmqWHoDrhSiH+RajrJwxyP24gEPL/I5/9ejIjgbfgxCRIMG7aHNRngoh8SPoM0kfY44WK8BL0Rq2on2ByKpnl8ULPadhxxhhXEEj530A9JiLM5ApBemVzI9TbW2MJA72V4ZCJACQU/SHzpSrBvCYQAi8hcBskZMvQI1FCNwCB4x0T6gkQDl2DRAbvAbKQ2k8cDnSoPQO+ssw/AoEyPEtq0F8pD3LRTxcgoE5mYgRBT6ciiBSXQcIJ3lQhhOTX/Q9hXuRNHe53QvZuHYmQIoNzAyfhig64ncIrxeX3T4z1zQScwEhlnUgpgXNzCjZhIgipq3zAhCdIARkfyuYjXSqWYWInvCA5WuD+gP3zf3kvEIR0J4vuiDEsiiA4kjARBBFK5J1jJNxuH/DMBUQmCE5KIecbmrE3v0GcwL1+87CONOd2bgZy41BCwhD0ngyeR649KSCnSObhO2cRC/6YakXfXd+WxK+YwJfnZYoSIODx/wvcf9nDXN/8RhjjRez8/PHK8wT19H18XhJPIAwWKWToqDsAiV0BDQkAM8sPu21b8p50H2+kPdYwtk1WWHR7a97pJGnveBYk+/A0bjdWbO/+huyJeY6H+JFhGN3Gcov2t/XsyDe54zlD7vgIgLP4EviHwAj+fx5CwGdZ+ANPwpIvhsQGTjsXLWfmdjDc0JQbCY1TJPgxGx4MQKmDwbKk6VQaQtpoBSVwIY5dy8BRP+OtBoMxAw9mBudOiH8YGlY/wAb5C1mDgQZEn9JCBpdBY46vQQaETdsRA0Mt1ZkYgw0VZMAQIZ6GY8Nd5rBByw4hMSDajeXYEoYkavnSDM/0jgxqANpRMREtw3TxLxuYAuZyiUSYMEwQOdU1yDDiuPCeM/+FicFHzkRDGJCLRgMvjfQzA0QseYjnEPvhH4aDS6O+Yvga2jmFIQHpATiH+OM=',
  },
  // zstd --fast=3
  {
    name: 'lines, fast',
    bytes: text(5000),
    frame:
      'KLUv/QRINQoA5A1hIGxpbmUgd2l0aCBhIG51bWJlciBpbiBpdCwgd2hpY2ggaXMgMjsgYW5kIGFub3RoZXIsIDAsIHRoYXQgZ3Jvd3MKMDsgMTsgMjsgMSwgMDsgMTsgMjsgMDsgMjsgMTsgMjsgMiwgMTsgMDsgMjsgMDsgMywgMTsgNCwgMDsgMjsgMDsgNSwgMTsgMjsgMDsgMTsgMjsgNiwgMTsgMDsgMTsgMjsgNywgMTsgMjsgMDsgMjsgMDsgMTsgOCwgMjsgMTsgMDsgMjsgMTsgOSwgMDsgMTsgMDsgMTsgYW4zIOB3A5UGgBqVRtE4xpAalUalUWkUDQg1Ko1Ko9KoNCqNonGMITUAqAGgRtFodFQaAGpUGpVG0ThGpVFp8KnDQh12ahyj0qg0Kg07NRyj0gBQo9KoNCqNSqNoQKhRaRgodQbGk8wjndFh',
  },
  // zstd -3 --no-check
  { name: 'run', bytes: new Uint8Array(200_000).fill(0x41), frame: 'KLUv/QBYVAAAEEFBAQD7/znAAgNqCEE=' },
];

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));
const limits = { maxOutputBytes: 2 ** 20 };
const first = bytesOf(frames[0]?.frame ?? '');

function refusal(bytes: Uint8Array, maxOutputBytes = limits.maxOutputBytes): string {
  try {
    decodeZstd(bytes, { maxOutputBytes });
  } catch (error) {
    if (error instanceof MeasureError) return error.code;
    throw error;
  }
  return 'none';
}

describe('decodeZstd()', () => {
  it.each(frames)('gives back what zstd compressed ($name)', ({ bytes, frame }) => {
    const { output, consumedBytes } = decodeZstd(bytesOf(frame), limits);
    expect(Buffer.compare(output, bytes)).toBe(0);
    expect(consumedBytes).toBe(bytesOf(frame).length);
  });

  it('reads frames one after the other, skips skippable ones, and stops at what is no frame', () => {
    const skippable = Uint8Array.of(0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    const input = Uint8Array.from([...first, ...skippable, ...first, 0, 0, 0, 0]);
    const { output, consumedBytes } = decodeZstd(input, limits);
    expect(output.length).toBe(2 * 300);
    expect(consumedBytes).toBe(2 * first.length + skippable.length);
  });

  it('refuses content above the limit, told by the header or not, without holding it', () => {
    const run = bytesOf(frames.at(-1)?.frame ?? '');
    expect(refusal(run, 199_999)).toBe('unsupported');
    expect(refusal(run, 200_000)).toBe('none');
    // A window instead of a size, and one run of 128 KiB after the other, without an end.
    const bomb = Uint8Array.from([
      0x28,
      0xb5,
      0x2f,
      0xfd,
      0x00,
      0x58,
      ...Array.from({ length: 4000 }, () => [0x02, 0x00, 0x10, 0x41]).flat(),
    ]);
    expect(refusal(bomb, 2 ** 24)).toBe('unsupported');
  });

  it('refuses what is cut short at every byte, and what is no frame', () => {
    for (let size = 4; size < first.length; size++) expect(refusal(first.subarray(0, size))).not.toBe('none');
    expect(refusal(new Uint8Array(0))).toBe('not-found');
    expect(refusal(Uint8Array.of(1, 2, 3, 4))).toBe('not-found');
    expect(refusal(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 7, 1, 0, 0))).toBe('unsupported');
  });

  it('throws nothing but a MeasureError, whatever bytes are changed', () => {
    const inputs = frames.map(({ frame }) => bytesOf(frame));
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...inputs),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (input, changes) => {
          const bytes = Uint8Array.from(input);
          for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 600)] = value;
          refusal(bytes);
        },
      ),
      { numRuns: 400 },
    );
  });
});

import { ascii } from '../src/bytes/text.ts';
import { concatBytes, Writer } from '../src/bytes/writer.ts';
import { makePe } from './make-pe.ts';

export interface MadeShim {
  readonly version?: string;
  /** A certificate, or signature lists. */
  readonly authorized?: Uint8Array;
  readonly deauthorized?: Uint8Array;
  readonly sbatLevel?: string;
}

/** Something that is laid out as a shim is: long section names, vendor table, levels of revocations. */
export function makeShim(options: MadeShim = {}): Uint8Array {
  const { version = '16.1', authorized = new Uint8Array(0), deauthorized = new Uint8Array(0) } = options;
  const { sbatLevel = 'sbat,1,2025021800\nshim,4\n' } = options;
  const level = ascii(`${sbatLevel}\0`);
  const pe = makePe([
    { name: '/4', data: ascii(`UEFI SHIM\n$Version: ${version} $\n$BuildMachine: made $\n\0`) },
    {
      name: '/16',
      data: concatBytes([
        new Writer()
          .u32(0)
          .u32(8)
          .u32(8 + level.length)
          .finish(),
        level,
        ascii('sbat,1,2099010100\nshim,9\n\0'),
      ]),
    },
    {
      name: '/27',
      data: concatBytes([
        new Writer()
          .u32(authorized.length)
          .u32(deauthorized.length)
          .u32(16)
          .u32(16 + authorized.length)
          .finish(),
        authorized,
        deauthorized,
      ]),
    },
  ]);
  const strings = ascii('.data.ident\0.sbatlevel\0.vendor_cert\0');
  const table = new Writer()
    .u32(4 + strings.length)
    .bytes(strings)
    .align(8)
    .finish();
  const bytes = concatBytes([pe, table]);
  new DataView(bytes.buffer).setUint32(0x40 + 12, pe.length, true);
  return bytes;
}

import { Reader } from '../bytes/reader.ts';
import { showAscii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import type { PeImage } from '../pe/image.ts';
import { loadSection } from '../pe/section.ts';
import { encodeCertificateLists } from '../uefi/signature-list.ts';
import { variableGuids } from '../uefi/variable.ts';

/** What a shim brings in itself, read out of its sections. */
export interface ShimFacts {
  /** `16.1`. */
  readonly version: string;
  /** Its vendor's keys and revocations as signature lists: what MokListRT and MokListXRT begin with. */
  readonly authorized: Uint8Array;
  readonly deauthorized: Uint8Array;
  /** The level of revocations that it sets by default: the contents of SbatLevel. */
  readonly sbatLevel: Uint8Array;
}

/**
 * Reads a shim (rhboot/shim cert.S, data.S, sbat_var.S). Throws `not-found` when the image is none, and `malformed` or
 * `truncated` when what it brings can't be read.
 */
export function readShim(bytes: Uint8Array, pe: PeImage): ShimFacts {
  const ident = showAscii(longSection(bytes, pe, '.data.ident'));
  const version = /\$Version: (\S+) \$/.exec(ident)?.[1];
  if (version === undefined || !ident.startsWith('UEFI SHIM'))
    throw new MeasureError('not-found', 'The image does not say that it is a shim');
  return { version, ...readVendorKeys(bytes, pe), sbatLevel: readSbatLevel(bytes, pe) };
}

/** A table of two sizes and two offsets, then the certificate or lists, and the lists of what is revoked. */
function readVendorKeys(bytes: Uint8Array, pe: PeImage): Pick<ShimFacts, 'authorized' | 'deauthorized'> {
  const section = longSection(bytes, pe, '.vendor_cert');
  const table = new Reader(section, 'shim vendor table');
  const [authorizedSize, deauthorizedSize] = [table.u32('authorized size'), table.u32('deauthorized size')];
  const [authorizedOffset, deauthorizedOffset] = [
    table.u32('authorized offset'),
    table.u32('deauthorized offset'),
  ];
  const at = (offset: number, size: number, field: string): Uint8Array => {
    const reader = new Reader(section, 'shim vendor table');
    reader.skip(offset, field);
    return reader.bytes(size, field);
  };
  const keys = at(authorizedOffset, authorizedSize, 'authorized');
  return {
    // A bare certificate is put into a list of shim's own; a list begins with a GUID instead of a SEQUENCE.
    authorized: keys[0] === 0x30 ? encodeCertificateLists(variableGuids.shim, [keys]) : keys,
    deauthorized: at(deauthorizedOffset, deauthorizedSize, 'deauthorized'),
  };
}

/** Version 0, then the offsets of two strings from behind it: the default level, and the newest. */
function readSbatLevel(bytes: Uint8Array, pe: PeImage): Uint8Array {
  const section = longSection(bytes, pe, '.sbatlevel');
  const header = new Reader(section, 'shim .sbatlevel');
  const version = header.u32('version');
  if (version !== 0) throw header.error('unsupported', 'version', `${version}, and only 0 is known`, 0);
  const offset = header.u32('automatic');
  const strings = new Reader(section.subarray(4), 'shim .sbatlevel', 4);
  strings.skip(offset, 'automatic');
  const rest = strings.rest();
  const end = rest.indexOf(0);
  if (end < 0) throw strings.error('malformed', 'automatic', 'a text without end', 4 + offset);
  return rest.subarray(0, end);
}

/** A section whose name stands in the string table, as `/` and its offset there (PE format, "Section Table"). */
function longSection(bytes: Uint8Array, pe: PeImage, name: string): Uint8Array {
  const section = pe.sections.find((each) => sectionName(bytes, pe, each.name) === name);
  if (!section) throw new MeasureError('not-found', `The image has no section "${name}"`);
  return loadSection(bytes, section).data;
}

function sectionName(bytes: Uint8Array, pe: PeImage, short: string): string {
  const offset = /^\/(\d{1,7})$/.exec(short)?.[1];
  if (offset === undefined || pe.symbolTableOffset === 0) return short;
  // Records of the symbol table have 18 bytes; the string table follows them.
  const start = pe.symbolTableOffset + 18 * pe.symbolCount + Number(offset);
  return showAscii(bytes.subarray(start, start + 64));
}

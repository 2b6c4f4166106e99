import { Reader } from '../../bytes/reader.ts';
import { fromUtf8, fromUtf16, showAscii } from '../../bytes/text.ts';
import { MeasureError } from '../../error.ts';

/** 2.5.4.3 commonName and 2.5.4.10 organizationName (X.520) in DER. */
const attributes = { commonName: [0x55, 0x04, 0x03], organization: [0x55, 0x04, 0x0a] } as const;
const tags = {
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  bmpString: 0x1e,
  utf8String: 0x0c,
} as const;

/**
 * The subject's common name of an X.509 certificate, or its organization: for people to read, as it proves nothing.
 * `undefined` where the bytes are no certificate (RFC 5280, 4.1).
 */
export function certificateName(der: Uint8Array): string | undefined {
  try {
    const certificate = open(new Reader(der, 'Certificate'), tags.sequence);
    const tbs = open(certificate, tags.sequence);
    let first = element(tbs);
    if (first.tag === tags.version) first = element(tbs);
    element(tbs); // signature
    element(tbs); // issuer
    element(tbs); // validity
    return subjectName(open(tbs, tags.sequence));
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}

function subjectName(names: Reader): string | undefined {
  let organization: string | undefined;
  while (names.remaining > 0) {
    const pair = open(open(names, tags.set), tags.sequence);
    const oid = element(pair);
    const { tag, value } = element(pair);
    if (isAttribute(oid.value, attributes.commonName)) return text(tag, value);
    if (isAttribute(oid.value, attributes.organization)) organization = text(tag, value);
  }
  return organization;
}

function text(tag: number, value: Uint8Array): string {
  if (tag === tags.bmpString) return fromUtf16(swapped(value));
  return (tag === tags.utf8String ? fromUtf8(value) : undefined) ?? showAscii(value);
}

function swapped(value: Uint8Array): Uint8Array {
  return value.map((_, index) => value[index ^ 1] ?? 0);
}

function isAttribute(oid: Uint8Array, wanted: readonly number[]): boolean {
  return oid.length === wanted.length && wanted.every((byte, index) => oid[index] === byte);
}

function open(reader: Reader, tag: number): Reader {
  const found = element(reader);
  if (found.tag !== tag) throw reader.error('malformed', 'tag', `0x${found.tag.toString(16)}`);
  return new Reader(found.value, reader.structure);
}

/** One element of DER: tag, length, value (X.690, 8.1). */
function element(reader: Reader): { tag: number; value: Uint8Array } {
  const tag = reader.u8('tag');
  const short = reader.u8('length');
  let length = short;
  if (short >= 0x80) {
    length = 0;
    for (const byte of reader.bytes(short & 0x7f, 'length')) length = length * 256 + byte;
  }
  return { tag, value: reader.bytes(length, 'value') };
}

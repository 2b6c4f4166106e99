import { toHex } from '../bytes/hex.ts';
import { fromUtf8, showAscii } from '../bytes/text.ts';
import { children, type DerElement } from './der.ts';

/** String types whose text is compared without regard to case and spacing (OpenSSL crypto/x509/x_name.c). */
const utf8String = 0x0c;
const byteStrings: ReadonlySet<number> = new Set([0x13, 0x16, 0x1a]); // Printable, IA5, Visible
const bmpString = 0x1e;

/** What two names that OpenSSL takes for the same have in common; the values' types and their case do not count. */
export function canonicalName(name: DerElement): string {
  return children(name, 'Name')
    .map((rdn) =>
      children(rdn, 'RelativeDistinguishedName')
        .map((attribute) => {
          const [type, value] = children(attribute, 'AttributeTypeAndValue');
          return `${type ? toHex(type.content) : ''}=${value ? canonicalValue(value) : ''}`;
        })
        .toSorted()
        .join('+'),
    )
    .join(',');
}

function canonicalValue(value: DerElement): string {
  const text = textOf(value);
  // Only ASCII letters lose their case.
  return text === undefined
    ? `#${toHex(value.encoded)}`
    : text
        .replace(/[ \t\n\v\f\r]+/g, ' ')
        .replace(/^ | $/g, '')
        .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function textOf({ tag, content }: DerElement): string | undefined {
  if (tag === utf8String) return fromUtf8(content);
  if (byteStrings.has(tag)) return Array.from(content, (byte) => String.fromCharCode(byte)).join('');
  if (tag === bmpString && content.length % 2 === 0) {
    let text = '';
    for (let i = 0; i < content.length; i += 2)
      text += String.fromCharCode(((content[i] ?? 0) << 8) | (content[i + 1] ?? 0));
    return text;
  }
  return undefined;
}

/** The common name for messages, or the whole name's text parts; characters outside ASCII are escaped. */
export function showName(name: DerElement): string {
  const commonName = '550403';
  const values = children(name, 'Name').flatMap((rdn) =>
    children(rdn, 'RelativeDistinguishedName').flatMap((attribute) => {
      const [type, value] = children(attribute, 'AttributeTypeAndValue');
      return type && value
        ? [{ type: toHex(type.content), text: showAscii(value.content.subarray(0, 64)) }]
        : [];
    }),
  );
  return (
    values.findLast(({ type }) => type === commonName)?.text ?? values.map(({ text }) => text).join(', ')
  );
}

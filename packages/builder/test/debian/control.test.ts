import { describe, expect, it } from 'vitest';
import { parseStanza, StanzaIndex } from '../../src/debian/control.ts';

const index = (text: string) => new StanzaIndex(new TextEncoder().encode(text), 'the test');

describe('StanzaIndex', () => {
  it('finds every stanza of a name, wherever its Package field stands', () => {
    const found = index('Package: a\nVersion: 1\n\nVersion: 2\nPackage: a\n\n\n\nPackage: b\n');
    expect(found.named('a').map((stanza) => stanza.get('version'))).toEqual(['1', '2']);
    expect([...found.names()]).toEqual(['a', 'b']);
    expect(found.named('c')).toEqual([]);
  });

  it('finds the stanzas that provide a name, with version or qualifier or not', () => {
    const found = index(
      'Package: a\nProvides: mail, web (= 2)\n\nPackage: b\n\nPackage: c\nProvides: web:any, x\n',
    );
    expect(found.providing('web').map((stanza) => stanza.get('package'))).toEqual(['a', 'c']);
    expect(found.providing('mail').map((stanza) => stanza.get('package'))).toEqual(['a']);
  });

  it('takes no line of a description for a field', () => {
    const found = index('Package: a\nDescription: x\n Package: z\n Provides: y\n');
    expect([...found.names()]).toEqual(['a']);
    expect(found.providing('y')).toEqual([]);
  });

  it('keeps characters outside ASCII', () => {
    expect(index('Package: a\nMaintainer: Jürgen – 山\n').named('a')[0]?.get('maintainer')).toBe(
      'Jürgen – 山',
    );
  });

  it('is empty for an empty file', () => {
    expect([...index('').names()]).toEqual([]);
  });

  it('refuses a stanza without a name', () => {
    expect(() => index('Package: a\n\nVersion: 1\nSize: 2\n')).toThrow(/Cannot read "Version: 1/);
  });

  it('refuses binary data', () => {
    expect(() => new StanzaIndex(Uint8Array.of(0xff, 0xfe, 0, 1), 'the test')).toThrow(/Cannot read/);
  });
});

describe('parseStanza()', () => {
  it('joins the lines of a field and knows fields by lower-case name', () => {
    const stanza = parseStanza('Checksums-Sha256:\n aa 1 x\n bb 2 y\nFormat: 3.0 (quilt)\n', 'the test');
    expect(stanza.get('checksums-sha256')).toBe('\naa 1 x\nbb 2 y');
    expect(stanza.get('format')).toBe('3.0 (quilt)');
  });

  it.each([
    ['a continuation without a field', ' x\nA: 1'],
    ['a line without a colon', 'A: 1\nnonsense'],
    ['a field without a name', ': 1'],
    ['a field that stands twice', 'A: 1\na: 2'],
  ])('refuses %s', (_, text) => {
    expect(() => parseStanza(text, 'the test')).toThrow(/in the test/);
  });
});

import { describe, expect, test } from 'vitest';
import { parseManifest } from '../src/index.ts';
import { errorOf, problemsOf, said, smallManifest } from './support/manifests.ts';

/** What a parse of hostile text may take on a loaded machine; unbounded, each of these takes minutes or the process. */
const SECONDS = 15_000;

describe('parseManifest() refuses of YAML', () => {
  test.each([
    ['an anchor', 'inputs: &a []', 'The anchor "&a" is not allowed'],
    ['an alias', 'inputs: *a', 'Aliases are not allowed'],
    ['an alias as key', '*a : 1', 'Aliases are not allowed'],
    ['a merge key', '<<: { name: x }', 'Merge keys are not allowed'],
    ['a tag', 'inputs: !!seq []', 'The tag "tag:yaml.org,2002:seq" is not allowed'],
    ['a tag of its own', 'inputs: !include x', 'The tag "!include" is not allowed'],
    ['a duplicate key', 'name: other', 'The key "name" is written twice'],
    ['a number as key', '8080: x', 'A key must be text'],
    ['a list as key', '[a]: x', 'A key must be text'],
    ['an empty key', ': x', 'A key must be text'],
    ['the key __proto__', '__proto__: {}', 'The key "__proto__" is not allowed'],
    ['a tab as indentation', 'kernel:\n\tline: linux-6.12', 'A tab is used as indentation'],
    ['a second document', '---\nname: x', 'The file holds more than one YAML document'],
    ['a missing bracket', 'outputs: [uki', 'Flow sequence in block collection'],
    ['a missing quote', 'network: { mode: "dhcp }', 'Missing closing "quote'],
    ['two colons', 'network: mode: dhcp', 'There are two ":" with a space behind them on one line'],
  ])('%s', (_, line, message) => {
    expect(said(`${smallManifest}${line}\n`).join('\n')).toContain(message);
  });

  test('directives, which change what words mean', () => {
    for (const directive of ['%YAML 1.1', '%YAML 1.2', '%TAG ! tag:example.org,2000:', '%FOO']) {
      expect(said(`${directive}\n---\n${smallManifest}`)[0]).toMatch(/^1:1 Directives are not allowed/);
    }
  });

  test('and reads on/off/yes/no as text, as YAML 1.2 does', () => {
    const text = `${smallManifest}  env: { A: on, B: off, C: yes, D: no, E: 0o17x, F: 12:30:45 }\n`;
    expect(parseManifest(text, 'altee.yaml').app.env).toEqual({
      A: 'on',
      B: 'off',
      C: 'yes',
      D: 'no',
      E: '0o17x',
      F: '12:30:45',
    });
  });

  test('a key of the environment that objects have', () => {
    const names = ['constructor', 'toString', 'hasOwnProperty'];
    const text = `${smallManifest}  env: { ${names.map((name) => `${name}: x`).join(', ')} }\n`;
    expect(Object.keys(parseManifest(text, 'altee.yaml').app.env)).toEqual(names);
    expect(said(`${smallManifest}  env: { __proto__: x }\n`)).toEqual([
      '6:10 The key "__proto__" is not allowed',
    ]);
    expect(said(`${smallManifest}constructor: {}\n`)[0]).toContain('Unknown key "constructor"');
  });

  test('and reports the rest of the file along with it', () => {
    expect(said(`${smallManifest}kernal: &a {}\nnetwork: *a\noutputs: [efi]\n`)).toEqual([
      expect.stringContaining('6:1 Unknown key "kernal"'),
      expect.stringContaining('The anchor "&a" is not allowed'),
      expect.stringContaining('7:10 Aliases are not allowed'),
      expect.stringContaining('8:11 "outputs[0]" must be "uki" or "disk"'),
    ]);
  });
});

describe('parseManifest() refuses of text', () => {
  const bytes = (...parts: (string | number[])[]): Uint8Array =>
    new Uint8Array(
      parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)),
    );

  test.each([
    ['a lone continuation byte', [0x80]],
    ['Latin-1', [0xe4, 0x62]],
    ['an overlong form', [0xc0, 0xaf]],
    ['an overlong form of three bytes', [0xe0, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point past the last', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['a byte that never occurs', [0xff]],
  ])('%s, and names the offset', (_, wrong) => {
    const [problem] = problemsOf(bytes('name: ä\nversion: ', wrong));
    const hex = wrong[0]?.toString(16);
    expect(problem?.message).toBe(
      `The file is not UTF-8: the byte 0x${hex} at offset 18 (0x12) starts no character`,
    );
    expect(problem).toMatchObject({ line: 2, column: 10, advice: 'Save it as UTF-8' });
  });

  test('UTF-16, which some editors save', () => {
    const utf16 = new Uint8Array([0xff, 0xfe, ...[...'name: x'].flatMap((c) => [c.charCodeAt(0), 0])]);
    expect(said(utf16)).toEqual(['1:1 The file is UTF-16 = Save it as UTF-8']);
  });

  test.each([
    ['NUL', 'name: a\0b', 'The control character U+0000'],
    ['an escape', 'name: \x1b[31m', 'The control character U+001B'],
    ['a C1 control', 'name: \x9b31m', 'The control character U+009B'],
    ['half a surrogate pair', 'name: \ud800', 'The control character U+D800'],
    ['a direction mark', 'name: \u202eolleh', 'U+202E makes the text read in another order'],
    ['a byte order mark inside', 'name: a\ufeffb', 'A byte order mark U+FEFF stands inside the file'],
    ['a lone carriage return', 'name: a\rb', 'A carriage return U+000D stands without a line feed'],
  ])('%s', (_, text, message) => {
    expect(said(text)[0]).toContain(message);
  });

  test('everything above 1 MiB, before it looks at it', () => {
    const start = performance.now();
    expect(said(new Uint8Array(10 * 2 ** 20).fill(0x5b))).toEqual([
      '1:1 The file is larger than 1048576 bytes = Keep data in files of its own and name them here',
    ]);
    expect(said('['.repeat(2 ** 20 + 1))).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('parseManifest() stays bounded with', () => {
  const lines = (count: number, line: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => line(index)).join('\n');

  test.each([
    ['a billion laughs', lines(30, (i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`)],
    ['deep brackets', '['.repeat(2 ** 20)],
    ['deep brackets below the token limit', '['.repeat(30_000)],
    ['deep braces', '{a: '.repeat(7_000)],
    ['deep dashes', '- '.repeat(15_000)],
    ['deep question marks', '? '.repeat(15_000)],
    ['deep indentation', lines(1400, (i) => `${' '.repeat(i)}a:`)],
    ['many keys', lines(5000, (i) => `k${i}: 1`)],
    ['many keys on a line', `{${lines(10_000, (i) => `k${i},`).replaceAll('\n', '')}}`],
    ['many closing brackets', ']'.repeat(30_000)],
    ['many documents', '---\n'.repeat(9_000)],
    ['many directives', '%a\n'.repeat(9_000)],
    ['many aliases', '*a '.repeat(10_000)],
    ['many bad escapes', lines(8, () => `- "${'\\x'.repeat(30_000)}"`)],
    ['a long text', `name: ${'a-'.repeat(500_000)}`],
    ['a long key', `${'k'.repeat(60_000)}: 1`],
    ['a long comment', `# ${'x'.repeat(1_000_000)}`],
    ['many line ends', '\n'.repeat(30_000)],
    ['many direction marks', '\u202e'.repeat(300_000)],
  ])(
    '%s',
    (_, text) => {
      const start = performance.now();
      const error = errorOf(text);
      expect(performance.now() - start).toBeLessThan(SECONDS);
      expect(error.problems.length).toBeLessThanOrEqual(100);
      expect(error.format().length).toBeLessThan(100_000);
      expect(JSON.stringify(error).length).toBeLessThan(1_000_000);
    },
    4 * SECONDS,
  );
});

describe('format() of hostile text', () => {
  test('escapes what a terminal would obey', () => {
    const text = errorOf('name: "\x1b]0;owned\x07\x9b2J"\n').format();
    expect(text).toContain('\\u{1b}]0;owned\\u{7}\\u{9b}2J');
    expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test('escapes what an escape of YAML smuggles into a message', () => {
    const text = errorOf(`${smallManifest}"\\e[2Jx": 1\n`).format();
    expect(text).toContain('Unknown key "\\u{1b}[2Jx"');
    expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test('escapes the file name', () => {
    try {
      parseManifest('', 'a\x1b[2J.yaml');
      expect.unreachable();
    } catch (error) {
      expect(String((error as { format(): string }).format())).toMatch(/^a\\u\{1b\}\[2J\.yaml:1:1: /);
    }
  });

  test('cuts a long line around the caret', () => {
    const before = 'x'.repeat(500);
    const after = 'y'.repeat(500);
    const text = `${smallManifest}network: { mode: none, ${before}: 1, kernal: 2, ${after}: 3 }\n`;
    const [, shown = '', caret = ''] = errorOf(text).format().split('\n\n')[1]?.split('\n') ?? [];
    expect(shown.length).toBeLessThan(100);
    expect(shown).toMatch(/…x+: 1, kernal: 2, y+…$/);
    expect(shown.slice(caret.indexOf('^'))).toMatch(/^kernal: 2/);
  });

  test('counts columns in characters, and puts the caret below them', () => {
    const text = `${smallManifest}network: { mode: none, "🦆": 1, kernal: 2 }\n`;
    const [first, second] = errorOf(text).problems;
    expect([first?.column, second?.column]).toEqual([24, 32]);
  });
});

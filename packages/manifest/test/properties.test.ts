import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ManifestError, type ManifestInput, parseManifest } from '../src/index.ts';
import { fullManifest } from './support/manifests.ts';

/** Anything but a ManifestError with problems that have a place in the text fails. */
function parsesOrExplains(input: Uint8Array | string): void {
  try {
    parseManifest(input, 'altee.yaml');
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    const lines = typeof input === 'string' ? input.split('\n').length : input.length + 1;
    for (const { line, column, message, sourceLine, caret } of error.problems) {
      expect(line).toBeGreaterThan(0);
      expect(line).toBeLessThanOrEqual(lines);
      expect(column).toBeGreaterThan(0);
      expect(caret).toBeLessThanOrEqual([...sourceLine].length);
      expect(message).toMatch(/^["\p{Lu}]/u);
      // It may end with a word of the manifest's that ends so.
      expect(message.endsWith('.') && !sourceLine.includes(message.slice(-2))).toBe(false);
    }
    expect(error.format()).not.toMatch(/(?!\n)\p{Cc}/u);
  }
}

const yamlPieces = fc.constantFrom(
  ...[
    'a',
    'kernel',
    'app',
    'name',
    ': ',
    ':',
    '- ',
    '-',
    '? ',
    '\n',
    '\n  ',
    '  ',
    '\t',
    '[',
    ']',
    '{',
    '}',
    ',',
  ],
  ...[
    '"',
    "'",
    '|',
    '>',
    '|\n ',
    '&a ',
    '*a ',
    '!t ',
    '<<: ',
    '#',
    '%',
    '---\n',
    '...\n',
    '\\x',
    '\u2028',
    '🦆',
    '\r\n',
  ],
  ...['null', 'true', '1.0', '0x1', '~', '@', '`', '__proto__', 'constructor'],
);

describe('parseManifest() throws nothing but ManifestError, given', () => {
  test('bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), parsesOrExplains), { numRuns: 250 });
  });

  test('text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), parsesOrExplains), { numRuns: 250 });
  });

  test('pieces of YAML', () => {
    const texts = fc.array(yamlPieces, { maxLength: 40 }).map((pieces) => pieces.join(''));
    fc.assert(fc.property(texts, parsesOrExplains), { numRuns: 800 });
  });

  test('a manifest with a piece cut out and another put in', () => {
    const edits = fc.tuple(fc.nat(fullManifest.length), fc.nat(30), fc.array(yamlPieces, { maxLength: 4 }));
    const texts = edits.map(
      ([at, cut, put]) => fullManifest.slice(0, at) + put.join('') + fullManifest.slice(at + cut),
    );
    fc.assert(fc.property(texts, parsesOrExplains), { numRuns: 250 });
  });

  test('any data in the place of a section', () => {
    const sections = fc.constantFrom(
      'app',
      'kernel',
      'hardening',
      'network',
      'inputs',
      'platforms',
      'outputs',
      'name',
    );
    const values = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(sections, values, (section, value) => {
        const manifest = {
          apiVersion: 'altee/v1',
          name: 'a',
          version: '1',
          app: { build: { run: 'x', entrypoint: 'x' } },
        };
        parsesOrExplains(JSON.stringify({ ...manifest, [section]: value }));
      }),
      { numRuns: 250 },
    );
  });
});

const word = fc.stringMatching(/^[a-z]{1,8}$/);
const argument = fc.string({ unit: 'grapheme', maxLength: 20 });
const manifests: fc.Arbitrary<ManifestInput> = fc.record({
  apiVersion: fc.constant('altee/v1' as const),
  name: word,
  version: fc.constantFrom('1.0', '0.1.0', '2.3.4-rc.1'),
  app: fc.record({
    build: fc.record({ run: fc.constantFrom('make', 'a\n\tb\n', 'x: "y" # z'), entrypoint: word }),
    args: fc.array(argument, { maxLength: 4 }),
    env: fc.dictionary(fc.stringMatching(/^[A-Z_]{1,6}$/), argument, { maxKeys: 3, noNullPrototype: true }),
  }),
  kernel: fc.record({ require: fc.uniqueArray(fc.stringMatching(/^[A-Z]{1,4}Q$/), { maxLength: 3 }) }),
});

describe('parseManifest() gives back', () => {
  test('what a YAML writer wrote, as YAML and as JSON', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const written = [
          stringify(manifest, { aliasDuplicateObjects: false }),
          JSON.stringify(manifest, undefined, 1),
        ];
        for (const text of written) {
          expect(parseManifest(text, 'altee.yaml')).toMatchObject(manifest);
        }
      }),
      { numRuns: 100 },
    );
  });
});

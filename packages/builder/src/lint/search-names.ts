import type { LeakKind } from '@altee/manifest';
import type { LeakFacts } from './facts.ts';
import type { Hit } from './leak.ts';

/** One thing to look for. */
interface Pattern {
  readonly what: LeakKind;
  readonly which: string;
  readonly bytes: Buffer;
  /** Whether a letter or digit may stand right before or behind. */
  readonly isFreeBefore: boolean;
  readonly isFreeAfter: boolean;
  readonly isSecret: boolean;
}

/** Of one pattern no more is told: who mends the first has mended the others. */
const MAX_HITS = 20;

/** Finds paths, names and secrets; each pattern is one pass of Node's own search. */
export function searchNames(bytes: Buffer, facts: LeakFacts, maxHits = MAX_HITS): Hit[] {
  const hits = patternsOf(facts).flatMap((pattern) => searchPattern(bytes, pattern, maxHits));
  const paths = hits.filter(({ what }) => what === 'path');
  // A home is called by its user's name: one finding is enough.
  const isInPath = ({ offset, length }: Hit) =>
    paths.some((path) => path.offset < offset && offset + length <= path.offset + path.length);
  return hits.filter((hit) => !isInPath(hit));
}

const patterns = new WeakMap<LeakFacts, readonly Pattern[]>();

function patternsOf(facts: LeakFacts): readonly Pattern[] {
  const known = patterns.get(facts);
  if (known) return known;
  const made = [
    ...[...facts.paths].map(([path, which]) => pattern('path', which, path, { isFreeBefore: true })),
    ...[...new Set(facts.users)].map((name) => pattern('user', "the user's name", name)),
    ...[...new Set(facts.hosts)].map((name) => pattern('host', 'the name of this machine', name)),
    ...[...facts.secrets].flatMap(([name, value]) => secretPatterns(name, value)),
  ];
  patterns.set(facts, made);
  return made;
}

function pattern(what: LeakKind, which: string, text: string, options: Partial<Pattern> = {}): Pattern {
  const bytes = Buffer.from(text, 'utf8');
  return { what, which, bytes, isFreeBefore: false, isFreeAfter: false, isSecret: false, ...options };
}

/** Shorter values have encodings that are found by chance. */
const MIN_ENCODED = 12;

/** As it is, and as tools write it down. */
function secretPatterns(name: string, value: string): Pattern[] {
  const which = `the value of $${name}`;
  const free = { isSecret: true, isFreeBefore: true, isFreeAfter: true };
  const plain = pattern('secret', which, value, { ...free, isFreeBefore: false, isFreeAfter: false });
  if (value.length < MIN_ENCODED) return [plain];
  const bytes = Buffer.from(value, 'utf8');
  // Three bytes are four characters: the last ones depend on what follows.
  const base64 = bytes.subarray(0, 3 * Math.floor(bytes.length / 3)).toString('base64');
  return [
    plain,
    pattern('secret', `${which}, in base64`, base64, free),
    pattern('secret', `${which}, in hex`, bytes.toString('hex'), free),
  ];
}

function searchPattern(
  bytes: Buffer,
  { bytes: wanted, isFreeBefore, isFreeAfter, ...found }: Pattern,
  maxHits: number,
): Hit[] {
  const hits: Hit[] = [];
  for (let at = bytes.indexOf(wanted); at >= 0 && hits.length < maxHits; at = bytes.indexOf(wanted, at + 1)) {
    const isBound =
      (isFreeBefore || !isWord(bytes[at - 1])) &&
      (isFreeAfter || !goesOn(bytes[at + wanted.length], found.what));
    if (isBound) hits.push({ ...found, offset: at, length: wanted.length });
  }
  return hits;
}

/** A folder of another name may only begin like this one. */
function goesOn(byte: number | undefined, what: LeakKind): boolean {
  return isWord(byte) || (what === 'path' && byte === 0x2d);
}

/** A letter, a digit or an underscore: the name goes on. */
function isWord(byte: number | undefined): boolean {
  return byte !== undefined && /\w/.test(String.fromCharCode(byte));
}

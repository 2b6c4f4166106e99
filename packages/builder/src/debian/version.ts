/** The relations of a versioned dependency, Debian Policy §7.1; `<` and `>` are the obsolete spellings of `<=` and `>=`. */
export type VersionRelation = '<<' | '<=' | '=' | '>=' | '>>' | '<' | '>';

const holds: Readonly<Record<VersionRelation, (order: number) => boolean>> = {
  '<<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '<': (order) => order <= 0,
  '=': (order) => order === 0,
  '>=': (order) => order >= 0,
  '>': (order) => order >= 0,
  '>>': (order) => order > 0,
};

/** Whether `version relation wanted` holds, as in `libc6 (>= 2.38)`. */
export function satisfies(version: string, relation: VersionRelation, wanted: string): boolean {
  return holds[relation](compareVersions(version, wanted));
}

/**
 * Orders two package versions: negative if `a` is earlier than `b`, 0 if equal, positive if later.
 * Debian Policy §5.6.12: epoch, then upstream version, then Debian revision.
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = split(a);
  const right = split(b);
  return (
    left.epoch - right.epoch ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  );
}

interface Version {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
}

/** `[epoch:]upstream-version[-debian-revision]`; no epoch is epoch 0, no revision is revision 0. */
function split(version: string): Version {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)) || 0,
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/**
 * Compares left to right, the longest run of non-digits lexically and then the longest run of digits
 * numerically, until one differs.
 */
function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const order = weight(a, i) - weight(b, j);
      if (order !== 0) return order;
      i++;
      j++;
    }
    while (a[i] === '0') i++;
    while (b[j] === '0') j++;
    // Of two numbers without leading zeros, the longer is the greater; equal lengths compare digit by digit.
    let first = 0;
    while (i < a.length && isDigit(a, i) && j < b.length && isDigit(b, j)) {
      first ||= a.charCodeAt(i) - b.charCodeAt(j);
      i++;
      j++;
    }
    if (i < a.length && isDigit(a, i)) return 1;
    if (j < b.length && isDigit(b, j)) return -1;
    if (first !== 0) return first;
  }
  return 0;
}

/** `~` before everything, even the end of a part; letters before all other characters. */
function weight(text: string, at: number): number {
  const code = at < text.length ? text.charCodeAt(at) : 0;
  if (code === 0 || isDigit(text, at)) return 0;
  if (code === 0x7e) return -1;
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return isLetter ? code : code + 256;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

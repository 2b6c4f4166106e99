import { BuilderError } from '../error.ts';
import { isUnicodeText } from './text.ts';

interface Named {
  /** Relative to the archive's root, `/` between the components: `dev/console`. */
  readonly path: string;
  /** Zero by default. */
  readonly uid?: number;
  readonly gid?: number;
}

interface Moded extends Named {
  /** Permission bits, at most 0o7777. */
  readonly mode: number;
}

/** A regular file; `source` is the path of a file on this machine, or the content. */
export interface CpioFile extends Moded {
  readonly kind: 'file';
  readonly source: string | Uint8Array;
}

export interface CpioDirectory extends Moded {
  readonly kind: 'directory';
}

/** A symbolic link; its target is taken as it is. */
export interface CpioSymlink extends Named {
  readonly kind: 'symlink';
  readonly target: string;
}

export interface CpioDevice extends Moded {
  readonly kind: 'character-device' | 'block-device';
  readonly major: number;
  readonly minor: number;
}

/** What an archive holds. Hard links, sockets and FIFOs have no place in an initramfs of ours. */
export type CpioEntry = CpioFile | CpioDirectory | CpioSymlink | CpioDevice;

/** The name that ends an archive (newc format); a file of that name would end it too early. */
export const TRAILER = 'TRAILER!!!';

/** Linux `PATH_MAX` with the NUL, `NAME_MAX`: init/initramfs.c skips longer names silently. */
const PATH_MAX = 4096;
const NAME_MAX = 255;
/** Header fields have eight hex digits. */
export const FIELD_MAX = 0xffff_ffff;

/**
 * The entries in the archive's order: by the bytes of their paths, so that parents come before children and the
 * order of the list given doesn't matter. Throws `image-invalid` for a path that Linux would take otherwise than
 * meant or not at all, a path twice, a parent that isn't a directory of the archive, a number that doesn't fit.
 */
export function orderEntries(entries: Iterable<CpioEntry>): CpioEntry[] {
  const ordered = [...entries].map((entry) => ({ entry, bytes: checkedPath(entry.path) }));
  ordered.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const kinds = new Map<string, CpioEntry['kind']>();
  for (const { entry } of ordered) {
    const { path } = entry;
    if (kinds.has(path)) throw invalid(`"${path}" is there twice`);
    const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    if (parent !== '' && kinds.get(parent) !== 'directory') {
      throw invalid(
        `"${path}" has the parent "${parent}", which is ${kinds.get(parent) ?? 'not there'}, not a directory`,
      );
    }
    checkNumbers(entry);
    if (entry.kind === 'symlink') checkTarget(entry);
    kinds.set(path, entry.kind);
  }
  return ordered.map(({ entry }) => entry);
}

/** What is wrong with a path, if the test says so. */
const pathRules: readonly (readonly [
  problem: string,
  test: (path: string, parts: readonly string[]) => boolean,
])[] = [
  ['is empty', (path) => path === ''],
  ['is absolute; paths are relative to the root of the archive', (path) => path.startsWith('/')],
  ['holds a NUL', (path) => path.includes('\0')],
  [
    'has an empty, "." or ".." component',
    (_, parts) => parts.some((part) => part === '' || part === '.' || part === '..'),
  ],
  ['is not Unicode text', (path) => !isUnicodeText(path)],
  ['is the name that ends an archive', (path) => path === TRAILER],
  [
    `has more than ${PATH_MAX - 1} bytes, which Linux doesn't take`,
    (path) => Buffer.byteLength(path) >= PATH_MAX,
  ],
  [
    `has a component of more than ${NAME_MAX} bytes`,
    (_, parts) => parts.some((part) => Buffer.byteLength(part) > NAME_MAX),
  ],
];

function checkedPath(path: string): Buffer {
  const parts = path.split('/');
  const [problem] = pathRules.find(([, test]) => test(path, parts)) ?? [];
  if (problem !== undefined) throw invalid(`the path ${JSON.stringify(path.slice(0, 200))} ${problem}`);
  return Buffer.from(path, 'utf8');
}

function checkNumbers(entry: CpioEntry): void {
  const bounds: [string, number, number][] = [
    ['uid', entry.uid ?? 0, FIELD_MAX],
    ['gid', entry.gid ?? 0, FIELD_MAX],
  ];
  if (entry.kind !== 'symlink') bounds.push(['mode', entry.mode, 0o7777]);
  // Linux: MINORBITS is 20 of 32.
  if ('major' in entry) bounds.push(['major', entry.major, 0xfff], ['minor', entry.minor, 0xf_ffff]);
  for (const [name, value, max] of bounds) {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw invalid(`"${entry.path}" has ${name} ${value}, not an integer from 0 to ${max}`);
    }
  }
}

function checkTarget({ path, target }: CpioSymlink): void {
  const size = Buffer.byteLength(target);
  if (target === '' || target.includes('\0') || !isUnicodeText(target) || size >= PATH_MAX) {
    throw invalid(
      `"${path}" is a link to ${JSON.stringify(target.slice(0, 200))}, which is no usable target`,
    );
  }
}

function invalid(what: string): BuilderError {
  return new BuilderError('image-invalid', `Cannot write the initramfs: ${what}`);
}

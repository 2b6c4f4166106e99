import { join } from 'node:path';
import { type Comparison, type Field, lonelyPart, type Part, type PartDifference } from '@altee/measure';
import { type FolderEntry, listFolder, loadFile, sameFile } from './read-side.ts';

/** Compares two folders file by file; `undefined` where they hold the same. Only files that differ are held in memory. */
export async function compareFolders(
  a: string,
  b: string,
  comparison: Comparison,
): Promise<PartDifference | undefined> {
  const [left, right] = [byPath(await listFolder(a)), byPath(await listFolder(b))];
  const renamed = pairRenamed(left, right);
  const parts: PartDifference[] = [];
  const twins = new Set(renamed.values());
  for (const path of [...new Set([...left.keys(), ...right.keys()])].sort(byWeight)) {
    const twin = renamed.get(path) ?? path;
    const [one, other] = [left.get(path), right.get(twin)];
    if (twins.has(path) && !one) continue;
    const found =
      one && other
        ? await compareEntries(join(a, path), one, join(b, twin), other, comparison)
        : lonely(one, other);
    if (found) parts.push(found);
  }
  if (parts.length === 0) return undefined;
  return { name: '', format: 'folder', change: 'changed', sizes: {}, fields: [], notes: [], parts };
}

/** Compares two files; `name` is what they are called. */
export async function compareFiles(
  name: string,
  a: string,
  b: string,
  comparison: Comparison,
  fields: { readonly a?: readonly Field[]; readonly b?: readonly Field[] } = {},
): Promise<PartDifference | undefined> {
  const isSame = await sameFile(a, b);
  const load = async (path: string, own: readonly Field[] | undefined): Promise<Part> => {
    const bytes = isSame ? undefined : await loadFile(path);
    return { name, ...(own ? { fields: own } : {}), ...(bytes ? { bytes } : {}) };
  };
  const [one, other] = [await load(a, fields.a), await load(b, fields.b)];
  const found = comparison.part(one, other, []);
  if (isSame || (one.bytes && other.bytes)) return found;
  const notes = ['larger than 1 GiB: the files differ, and were not taken apart'];
  return { name, change: 'changed', sizes: {}, fields: found?.fields ?? [], notes, parts: [] };
}

async function compareEntries(
  a: string,
  one: FolderEntry,
  b: string,
  other: FolderEntry,
  comparison: Comparison,
): Promise<PartDifference | undefined> {
  const fields = { a: fieldsOf(one), b: fieldsOf(other) };
  if (one.path !== other.path) {
    fields.a.push({ name: 'name', value: one.path });
    fields.b.push({ name: 'name', value: other.path });
  }
  if (one.kind === 'file' && other.kind === 'file') return compareFiles(one.path, a, b, comparison, fields);
  return comparison.part({ name: one.path, fields: fields.a }, { name: one.path, fields: fields.b }, []);
}

function fieldsOf({ kind, target, isExecutable }: FolderEntry): Field[] {
  return [
    { name: 'kind', value: kind },
    ...(kind === 'file' ? [{ name: 'executable', value: isExecutable ? 'yes' : 'no' }] : []),
    ...(target === undefined ? [] : [{ name: 'target', value: target }]),
  ];
}

function lonely(one: FolderEntry | undefined, other: FolderEntry | undefined): PartDifference | undefined {
  const entry = one ?? other;
  if (!entry) return undefined;
  const found = lonelyPart({ name: entry.path }, one ? 'removed' : 'added');
  return { ...found, sizes: one ? { a: entry.size } : { b: entry.size } };
}

function byPath(entries: readonly FolderEntry[]): Map<string, FolderEntry> {
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/** The image, the disk and the like of a folder are called by the manifest's name: two such with other names are one pair. */
function pairRenamed(
  a: ReadonlyMap<string, FolderEntry>,
  b: ReadonlyMap<string, FolderEntry>,
): ReadonlyMap<string, string> {
  const alone = (own: ReadonlyMap<string, FolderEntry>, ending: string) =>
    [...own.keys()].filter((path) => path.endsWith(ending));
  const pairs = ['.efi', '.disk'].flatMap((ending): [string, string][] => {
    const [[one, ...more], [other, ...others]] = [alone(a, ending), alone(b, ending)];
    if (one === undefined || other === undefined || more.length + others.length > 0 || one === other)
      return [];
    return [[one, other]];
  });
  return new Map(pairs);
}

/** Causes first: the image before the disk that carries it, and both before what is computed from them. */
const weights: readonly (readonly [RegExp, number])[] = [
  [/\.lock$|\.ya?ml$/, 0],
  [/^kernel\.config$/, 1],
  [/\.efi$/, 2],
  [/\.disk$/, 3],
  [/^measurements\.json$/, 5],
  [/^(?:eventlog|policy)\//, 6],
  [/^SHA256SUMS/, 7],
];

function byWeight(a: string, b: string): number {
  const weight = (path: string) => weights.find(([pattern]) => pattern.test(path))?.[1] ?? 4;
  return weight(a) - weight(b) || (a < b ? -1 : 1);
}

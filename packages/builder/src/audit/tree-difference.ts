import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { firstDifference } from './compare.ts';

/** Where two trees begin to differ. */
export interface TreeDifference {
  /** For people: `"$OUT/hello" at offset 0x40`. */
  readonly text: string;
  /** Bytes around the place in each tree; empty where no file is. */
  readonly around: readonly [Uint8Array, Uint8Array];
}

/** Bytes shown to those who look for a cause: before and after the place. */
const BEFORE = 64;
const AFTER = 192;
const NOTHING = [new Uint8Array(), new Uint8Array()] as const;

/** The first entry in the order of paths that two trees do not share. */
export async function firstTreeDifference(
  one: string,
  other: string,
  inside = '$OUT',
): Promise<TreeDifference> {
  const [first, second] = [
    await lstat(one).catch(() => undefined),
    await lstat(other).catch(() => undefined),
  ];
  const at = (what: string): TreeDifference => ({ text: `"${inside}" (${what})`, around: NOTHING });
  if (!first || !second) return at('only one rebuild gives it');
  if (first.isDirectory() && second.isDirectory()) {
    const names = new Set([...(await readdir(one)), ...(await readdir(other))]);
    for (const name of [...names].sort()) {
      const found = await firstTreeDifference(join(one, name), join(other, name), `${inside}/${name}`);
      if (found.text !== '') return found;
    }
    return { text: '', around: NOTHING };
  }
  if (first.isSymbolicLink() && second.isSymbolicLink()) {
    const targets = [await readlink(one), await readlink(other)] as const;
    if (targets[0] === targets[1]) return { text: '', around: NOTHING };
    return { ...at('a link'), around: [Buffer.from(targets[0]), Buffer.from(targets[1])] };
  }
  if (!first.isFile() || !second.isFile()) return at('of another kind');
  const where = await firstDifference(one, other);
  if (where === 'nowhere') {
    const isSame = (first.mode & 0o100) === (second.mode & 0o100);
    return isSame ? { text: '', around: NOTHING } : at('may be run in one rebuild alone');
  }
  const offset = Number(/0x[0-9a-f]+/.exec(where)?.[0] ?? 0);
  return {
    text: `"${inside}", ${where}`,
    around: [await readAround(one, offset), await readAround(other, offset)],
  };
}

async function readAround(file: string, offset: number): Promise<Uint8Array> {
  const from = Math.max(0, offset - BEFORE);
  const handle = await open(file, 'r');
  try {
    const bytes = Buffer.alloc(BEFORE + AFTER);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    return new Uint8Array(bytes.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

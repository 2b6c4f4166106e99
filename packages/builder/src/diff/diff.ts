import { basename } from 'node:path';
import { Comparison, type PartDifference } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { decompressors } from './decompressors.ts';
import { type Diffoscope, runDiffoscope } from './diffoscope.ts';
import { compareFiles, compareFolders } from './folders.ts';
import { findMoves, type Moves, type MovesOptions } from './moves.ts';
import { openSide, sameFile } from './read-side.ts';

/** What `altee diff` compares. */
export interface DiffOptions extends Omit<MovesOptions, 'a' | 'b'> {
  /** Files or folders: EFI images, disks, results folders, releases. */
  readonly a: string;
  readonly b: string;
  /** Ask diffoscope, too, where it is installed. */
  readonly diffoscope?: boolean;
}

export interface DiffResult {
  readonly a: string;
  readonly b: string;
  /** Absent where both are equal. */
  readonly difference: PartDifference | undefined;
  /** Which registers move; absent where both are equal. */
  readonly moves: Moves | undefined;
  /** Present where it was asked for. */
  readonly diffoscope?: Diffoscope;
}

/**
 * `altee diff`: how two images, disks or releases differ, from the file down to the byte, and up to the registers that
 * move. Throws `invalid-input` for a path that cannot be read, and for a file against a folder.
 */
export async function diffFiles(options: DiffOptions): Promise<DiffResult> {
  const [a, b] = [await openSide(options.a), await openSide(options.b)];
  if (a.kind !== b.kind) {
    throw new BuilderError(
      'invalid-input',
      `Cannot compare "${options.a}", a ${a.kind}, with "${options.b}", a ${b.kind}`,
      { hint: 'Give two files or two folders' },
    );
  }
  const comparison = new Comparison({
    equal: (one, other) => Buffer.compare(one, other) === 0,
    decompressors,
  });
  // Two files that differ: their registers are computed in other threads while this one compares.
  const early =
    a.kind === 'file' && !(await sameFile(a.path, b.path))
      ? await beginMoves({ ...options, a, b })
      : undefined;
  const difference =
    a.kind === 'folder'
      ? await compareFolders(a.path, b.path, comparison)
      : await compareFiles(basename(a.path), a.path, b.path, comparison);
  const moves = difference && (await (early?.moves ?? findMoves({ ...options, a, b })));
  const diffoscope =
    options.diffoscope === true ? await runDiffoscope(a.path, b.path, options.signal) : undefined;
  return { a: options.a, b: options.b, difference, moves, ...(diffoscope ? { diffoscope } : {}) };
}

/** Comes back as soon as the threads run, or all is done. */
async function beginMoves(options: MovesOptions): Promise<{ readonly moves: Promise<Moves> }> {
  const { promise: begun, resolve } = withResolver();
  const moves = findMoves(options, resolve);
  moves.catch(() => {});
  await Promise.race([begun, moves.catch(() => {})]);
  return { moves };
}

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

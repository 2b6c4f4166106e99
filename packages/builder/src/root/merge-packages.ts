import { createHash } from 'node:crypto';
import { BuilderError } from '../error.ts';
import { type FixUp, fixUps } from './fix-ups.ts';
import { byPath, type ListedEntry } from './listing.ts';
import type { UnpackedPackage } from './unpack-package.ts';

/** An entry of a root, and where its content is from: a package, or the text of a fix-up. */
export interface MergedEntry {
  readonly entry: ListedEntry;
  readonly from: UnpackedPackage | { readonly content: string } | undefined;
}

/**
 * What a root of these packages holds, sorted by path, so that each directory comes before its content. The order
 * of the packages doesn't matter. Throws `dependency-unsatisfiable` where two of them have different things
 * at one path (all such paths in `details`).
 */
export function mergePackages(packages: readonly UnpackedPackage[]): MergedEntry[] {
  const merged = new Map<string, MergedEntry>();
  const conflicts: string[] = [];
  for (const from of packages) {
    for (const entry of from.entries) {
      const present = merged.get(entry.path);
      if (present === undefined) merged.set(entry.path, { entry, from });
      else if (!isSame(present.entry, entry)) {
        const other = present.from !== undefined && 'name' in present.from ? present.from.name : '';
        conflicts.push(
          `"/${entry.path}" is a ${entry.type} of "${from.name}" and a ${present.entry.type} of "${other}"`,
        );
      }
    }
  }
  if (conflicts.length > 0) {
    throw new BuilderError('dependency-unsatisfiable', `Packages conflict: ${conflicts[0]}`, {
      hint: 'Leave one of the packages out: they cannot be in one root file system',
      details: conflicts,
    });
  }
  for (const fixUp of fixUps) applyFixUp(fixUp, merged);
  return [...merged.values()].sort((a, b) => byPath(a.entry, b.entry));
}

function applyFixUp(fixUp: FixUp, merged: Map<string, MergedEntry>): void {
  const { path } = fixUp;
  const present = merged.get(path);
  switch (fixUp.type) {
    case 'directory':
      if (present === undefined || present.entry.type === 'directory') {
        merged.set(path, { entry: { type: 'directory', path, mode: fixUp.mode }, from: undefined });
        return;
      }
      throw new BuilderError(
        'dependency-unsatisfiable',
        `A package has a ${present.entry.type} at "/${path}", where each root needs a directory`,
      );
    case 'symlink':
      if (fixUp.ifPresent !== undefined && !merged.has(fixUp.ifPresent)) return;
      if (present === undefined) {
        merged.set(path, { entry: { type: 'symlink', path, target: fixUp.target }, from: undefined });
      }
      return;
    case 'file': {
      const { content } = fixUp;
      const sha256 = createHash('sha256').update(content).digest('hex');
      const size = Buffer.byteLength(content);
      if (present === undefined) {
        merged.set(path, { entry: { type: 'file', path, mode: '644', size, sha256 }, from: { content } });
      }
    }
  }
}

function isSame(a: ListedEntry, b: ListedEntry): boolean {
  if (a.type === 'file' && b.type === 'file') return a.sha256 === b.sha256 && a.mode === b.mode;
  if (a.type === 'symlink' && b.type === 'symlink') return a.target === b.target;
  return a.type === 'directory' && b.type === 'directory';
}

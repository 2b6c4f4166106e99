import { realpath, stat } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import type { Manifest } from '@altee/manifest';
import { isProjectFile } from '../app/source-app.ts';
import { findSource } from '../app/source-folder.ts';
import { sourceTree } from '../app/source-tree.ts';
import { BuilderError } from '../error.ts';
import type { Project } from '../project.ts';
import type { Store } from '../store/store.ts';
import { type ArchiveEntry, entriesBelow } from './source-archive.ts';

/**
 * Everything of a project that a build reads besides manifest and lock: the application's source, exactly as its step gets
 * it, or its pinned executable, and the files that platforms name. Throws `invalid-input` for a file that is a link out
 * of the project: what is published must not be chosen by a link; and what reading the source throws.
 */
export async function projectEntries({ manifest, folder }: Project, store: Store): Promise<ArchiveEntry[]> {
  const { build } = manifest.app;
  const entries: ArchiveEntry[] = [];
  if (build) {
    const source = await findSource(folder, build.source);
    const { path } = await sourceTree(store, source, isProjectFile(folder, source));
    const prefix = posix.normalize(build.source);
    entries.push({ kind: 'directory', path: prefix }, ...(await entriesBelow(path, prefix)));
  }
  const known = new Set(entries.map(({ path }) => path));
  for (const path of new Set(namedFiles(manifest).map((name) => posix.normalize(name)))) {
    if (!known.has(path)) entries.push(await fileEntry(folder, path));
  }
  return entries;
}

/** The files that a manifest names, relative to its folder. */
function namedFiles({ app, platforms }: Manifest): string[] {
  const ofPlatforms = Object.values(platforms).flatMap(({ firmware, secureBoot, tdx, log }) => [
    ...(firmware === 'debian' ? [] : [firmware.path]),
    ...(secureBoot === 'off' ? [] : [secureBoot.pk, ...secureBoot.kek, ...secureBoot.db]),
    ...(tdx.acpiTables ? [tdx.acpiTables.path] : []),
    ...(log ? [log.path] : []),
  ]);
  return [...(app.static ? [app.static.path] : []), ...(app.rootfs ? [app.rootfs.path] : []), ...ofPlatforms];
}

async function fileEntry(folder: string, path: string): Promise<ArchiveEntry> {
  try {
    const [root, source] = await Promise.all([realpath(folder), realpath(join(folder, path))]);
    const found = await stat(source);
    if (!found.isFile()) throw new Error('it is no regular file');
    if (!source.startsWith(root + sep)) throw new Error('it is a link out of the project');
    return { kind: 'file', path, executable: (found.mode & 0o100) !== 0, source };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BuilderError('invalid-input', `Cannot publish "${path}": ${why}`, { cause });
  }
}

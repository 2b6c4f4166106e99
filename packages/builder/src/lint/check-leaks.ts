import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Leaks } from '@altee/manifest';
import { listFolder } from '../diff/read-side.ts';
import { BuilderError } from '../error.ts';
import type { Project } from '../project.ts';
import type { Reporter } from '../report.ts';
import { ifPresent } from '../store/errno.ts';
import type { Store } from '../store/store.ts';
import { cachedLeaks } from './cached-leaks.ts';
import { leakFacts } from './facts.ts';
import type { Leak } from './leak.ts';

/** The results to be checked, and what they were made from. */
export interface LeakCheck {
  /** The folder that holds them. */
  readonly folder: string;
  readonly project: Project;
  readonly store: Store;
  /** Where the results will be. */
  readonly outDir: string;
  /** The lock's time. */
  readonly snapshot: string;
  readonly reporter: Reporter;
}

const SHOWN = 20;

/**
 * Searches the finished results for what is of this machine or this moment. Throws `image-leaks` with every place, unless
 * the manifest names it as an exception; warns of exceptions that nothing needs.
 */
export async function checkLeaks(check: LeakCheck): Promise<void> {
  const { folder, project, reporter } = check;
  const manifestText = await readFile(project.manifestFile, 'utf8');
  const facts = leakFacts({
    env: process.env,
    project: project.folder,
    store: check.store.dir,
    outDir: check.outDir,
    snapshot: check.snapshot,
    manifestText,
  });
  const files = (await listFolder(folder)).filter(({ kind }) => kind === 'file').map(({ path }) => path);
  // What stands in the image is told of the image, and not of the disk that carries it.
  const ordered = files.toSorted((a, b) => Number(a.endsWith('.disk')) - Number(b.endsWith('.disk')));
  const { leaks: found, opaque } = await cachedLeaks(check.store, folder, ordered, facts);
  for (const text of opaque) reporter.warn(`Not searched for leaks: ${text}`);
  const said = await sourceTexts(project, found);
  const leaks = found.filter(
    ({ text }) => text === undefined || !said.some((source) => source.includes(text)),
  );
  const { exceptions } = project.manifest.leaks;
  for (const { what, where } of exceptions) {
    if (!leaks.some((leak) => isExcepted(leak, { what, where })))
      reporter.warn(
        `The manifest's exception "${what}" in "${where}" is not needed: nothing was found there`,
      );
  }
  const left = leaks.filter((leak) => !exceptions.some((exception) => isExcepted(leak, exception)));
  if (left.length > 0) throw leaksError(left);
}

/** Whether a place holds the whole names of an exception's, one after the other. */
export function isExcepted(
  { what, place }: Pick<Leak, 'what' | 'place'>,
  exception: Pick<Leaks['exceptions'][number], 'what' | 'where'>,
): boolean {
  const names = exception.where.split('/').filter((name) => name !== '');
  const path = place.flatMap((name) => name.split('/'));
  const fits = (at: number) => names.length > 0 && names.every((name, index) => path[at + index] === name);
  return what === exception.what && path.some((_, at) => fits(at));
}

function leaksError(leaks: readonly Leak[]): BuilderError {
  const details = leaks
    .slice(0, SHOWN)
    .map(
      ({ what, which, place, offset, context }) =>
        `${what}: ${which}\n    in ${place.join('/')} at 0x${offset.toString(16)}: ${context}`,
    )
    .flatMap((text) => text.split('\n'));
  const more = leaks.length > SHOWN ? [`… and ${leaks.length - SHOWN} more`] : [];
  const things = leaks.length === 1 ? 'something' : `${leaks.length} things`;
  return new BuilderError(
    'image-leaks',
    `The results hold ${things} of the machine or the moment that made them, and were not written`,
    {
      details: [...details, ...more],
      hint: 'Mend what puts it there; what is meant to be there goes under leaks.exceptions in the manifest, with its reason',
    },
  );
}

/** More than any source that a person wrote. */
const MAX_SOURCE_BYTES = 8 * 2 ** 20;

/** The texts of the manifest and of the app's source: a date that stands there was not made by the build. */
async function sourceTexts(project: Project, found: readonly Leak[]): Promise<string[]> {
  const build = project.manifest.app.build;
  if (!found.some(({ what }) => what === 'date')) return [];
  const texts = [await readFile(project.manifestFile, 'latin1')];
  if (!build) return texts;
  const folder = join(project.folder, build.source);
  for (const { path, kind, size } of await listFolder(folder)) {
    if (kind !== 'file' || size > MAX_SOURCE_BYTES) continue;
    texts.push((await ifPresent(readFile(join(folder, path), 'latin1'))) ?? '');
  }
  return texts;
}

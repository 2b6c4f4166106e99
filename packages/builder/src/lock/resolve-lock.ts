import type { FileInPackage, Lock, LockedPackage, Manifest } from '@altee/manifest';
import {
  type ArchiveContext,
  fetchIndexes,
  fetchRelease,
  type Suite,
  type SuiteRelease,
  signedIndex,
  suites,
} from '../debian/archive.ts';
import { StanzaIndex } from '../debian/control.ts';
import { urlsOf } from '../debian/origins.ts';
import type { DebianPackage } from '../debian/package.ts';
import { resolvePackages } from '../debian/resolve.ts';
import { PackageUniverse } from '../debian/universe.ts';
import { BuilderError } from '../error.ts';
import type { Root } from '../executor/executor.ts';
import { fetchFiles } from '../fetch/fetch-files.ts';
import { assembleRoot } from '../root/assemble-root.ts';
import { resolveInRoot } from '../root/resolve-in-root.ts';
import { hashFile } from '../store/hash-file.ts';
import { lockDebianKernel, lockGivenKernel, seriesOf } from './kernel-source.ts';
import { type LockRequest, lockRequest, requestDigest } from './request.ts';
import { snapshotTime } from './snapshot-time.ts';
import { firmwareFiles, type PackageFile, stubFile } from './toolchain.ts';

export interface ResolveLockOptions extends ArchiveContext {
  /** The lock that is replaced: no index older than its is accepted. */
  readonly previous?: Lock;
  /** What to resolve from; Debian 13 unless a test says otherwise. */
  readonly suites?: readonly Suite[];
}

/**
 * Resolves what a manifest asks for into a lock: verifies the archive's indexes, resolves each root's packages,
 * finds the kernel's source, downloads the packages and assembles the roots for their digests.
 *
 * The same manifest, archive and time give the same lock.
 */
export async function resolveLock(
  manifest: Pick<Manifest, 'app' | 'kernel' | 'platforms'>,
  options: ResolveLockOptions,
): Promise<Lock> {
  const request = lockRequest(manifest);
  const releases = await fetchReleases(options);
  const { resolved, kernel, universe } = await resolveAll(request, releases, options);
  const packages = mergePackages(resolved, universe);
  const roots = await assembleRoots(resolved, packages, options);
  return {
    lockVersion: 1,
    request: requestDigest(request),
    debian: { snapshot: snapshotTime(options.now), indexes: releases.map(lockedIndex) },
    kernel,
    stub: await fileInPackage(stubFile, roots),
    platforms: await lockFirmware(request, roots),
    roots: Object.fromEntries(
      Object.entries(resolved).map(([name, set]) => [
        name,
        { packages: set.map((entry) => entry.name), digest: rootNamed(roots, name).digest },
      ]),
    ),
    packages,
  };
}

async function fetchReleases(options: ResolveLockOptions): Promise<SuiteRelease[]> {
  const task = options.reporter.start("Verify the indexes of Debian's archive");
  const known = new Map(options.previous?.debian.indexes.map(({ suite, date }) => [suite, new Date(date)]));
  const releases = await Promise.all(
    (options.suites ?? suites).map((suite) => fetchRelease(suite, options, known.get(suite.codename))),
  );
  task.done(
    releases.map(({ suite, date }) => `${suite.codename} ${date.toISOString().slice(0, 10)}`).join(', '),
  );
  return releases;
}

type Resolved = Readonly<Record<string, DebianPackage[]>>;

async function resolveAll(
  request: LockRequest,
  releases: readonly SuiteRelease[],
  options: ResolveLockOptions,
): Promise<{ resolved: Resolved; kernel: Lock['kernel']; universe: PackageUniverse }> {
  const task = options.reporter.start('Resolve the packages');
  const { line, source } = request.kernel;
  if (source === undefined) seriesOf(line);
  const universe = new PackageUniverse(
    (await readIndexes('packages', releases, options)).map(({ release, index }) => ({
      archive: release.suite.archive,
      suite: release.suite.codename,
      index,
    })),
  );
  const resolved = Object.fromEntries(
    Object.entries(request.roots).map(([name, root]) => [
      name,
      resolvePackages(universe, { purpose: `root "${name}"`, ...root }),
    ]),
  );
  const kernel =
    source === undefined
      ? await lockDebianKernel(
          line,
          (await readIndexes('sources', releases, options)).map(({ release, index }) => ({
            archive: release.suite.archive,
            index,
          })),
          options.origins,
        )
      : await lockGivenKernel(line, source, options);
  const count = new Set(Object.values(resolved).flatMap((set) => set.map((entry) => entry.name))).size;
  task.done(`${count} packages, linux ${kernel.version}`);
  return { resolved, kernel, universe };
}

async function readIndexes(
  kind: 'packages' | 'sources',
  releases: readonly SuiteRelease[],
  options: ResolveLockOptions,
): Promise<{ release: SuiteRelease; index: StanzaIndex }[]> {
  const indexes = await fetchIndexes(releases, kind, options);
  return releases.flatMap((release, at) => {
    const bytes = indexes[at];
    if (bytes === undefined) return [];
    return [{ release, index: new StanzaIndex(bytes, `${release.suite.codename}'s index of ${kind}`) }];
  });
}

/** All packages of all roots. Throws where two roots would need two versions of one: a lock holds one. */
function mergePackages(resolved: Resolved, universe: PackageUniverse): Record<string, LockedPackage> {
  const merged = new Map<string, DebianPackage>();
  for (const [root, set] of Object.entries(resolved)) {
    for (const entry of set) {
      const known = merged.get(entry.name);
      if (known !== undefined && known.version !== entry.version) {
        throw new BuilderError(
          'dependency-unsatisfiable',
          `Root "${root}" needs "${entry.name}" ${entry.version}, another root ${known.version}`,
          { hint: 'The mirror may be in the middle of an update: try again in some minutes' },
        );
      }
      merged.set(entry.name, entry);
    }
  }
  const sorted = [...merged.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(
    sorted.map((entry) => [entry.name, lockedPackage(entry, universe.originsOf(entry))]),
  );
}

function lockedPackage(entry: DebianPackage, origins: string[]): LockedPackage {
  const { version, architecture, source, sizeBytes: size, sha256 } = entry;
  return { version, architecture, source, size, sha256, origins };
}

async function assembleRoots(
  resolved: Resolved,
  packages: Readonly<Record<string, LockedPackage>>,
  { store, origins, reporter, patience }: ResolveLockOptions,
): Promise<ReadonlyMap<string, Root>> {
  const files = Object.entries(packages).map(([name, file]) => ({ name, file }));
  const paths = await fetchFiles(store, files, {
    ...patience,
    originsOf: (origin) => urlsOf(origins, origin),
    vendorDirs: origins.vendorDirs,
    bundles: origins.bundles ?? [],
    offline: false,
    reporter,
    title: 'Fetch the packages',
  });
  const packageFiles = new Map(
    Object.entries(packages).map(([name, { sha256 }]) => [name, { name, sha256, path: pathOf(paths, name) }]),
  );
  const roots = new Map<string, Root>();
  for (const [root, set] of Object.entries(resolved)) {
    const members = set.flatMap(({ name }) => packageFiles.get(name) ?? []);
    // One root's xz unpacks the others.
    const helpers = [...packageFiles.values()];
    const title = `Unpack the root "${root}"`;
    roots.set(root, await assembleRoot(store, members, { reporter, title, helpers }));
  }
  return roots;
}

function pathOf(paths: ReadonlyMap<string, string>, name: string): string {
  const path = paths.get(name);
  if (path === undefined) throw new BuilderError('download-failed', `Package "${name}" was not fetched`);
  return path;
}

async function lockFirmware(
  request: LockRequest,
  roots: ReadonlyMap<string, Root>,
): Promise<Lock['platforms']> {
  const locked: Lock['platforms'] = {};
  for (const [name, firmware] of Object.entries(request.platforms)) {
    const files = firmwareFiles[firmware];
    if (files === undefined) continue;
    const [code, vars] = await Promise.all([
      fileInPackage(files.code, roots),
      fileInPackage(files.vars, roots),
    ]);
    locked[name] = { firmware: { code, vars } };
  }
  return locked;
}

/** The digest of a file of a package, read in the root that the file is used from. */
async function fileInPackage(
  { root, ...file }: PackageFile,
  roots: ReadonlyMap<string, Root>,
): Promise<FileInPackage> {
  try {
    const path = await resolveInRoot(rootNamed(roots, root).path, file.path);
    return { ...file, sha256: (await hashFile(path)).sha256 };
  } catch (cause) {
    throw new BuilderError('archive-malformed', `Package "${file.package}" does not hold "${file.path}"`, {
      hint: 'Debian has moved the file: please report this to altee',
      cause,
    });
  }
}

function rootNamed(roots: ReadonlyMap<string, Root>, name: string): Root {
  const root = roots.get(name);
  if (root === undefined) throw new BuilderError('lock-invalid', `No root "${name}"`);
  return root;
}

function lockedIndex(release: SuiteRelease): Lock['debian']['indexes'][number] {
  return {
    archive: release.suite.archive,
    suite: release.suite.codename,
    date: release.date.toISOString(),
    inRelease: release.sha256,
    packages: signedIndex(release, 'packages').sha256,
    sources: signedIndex(release, 'sources').sha256,
  };
}

/** Writes test/matrix/matrix.lock.json: what the boot matrix boots with. Run by `npm run matrix-lock`. */
import { writeFile } from 'node:fs/promises';
import type { LockedPackage } from '@altee/manifest';
import { fetchIndexes, fetchRelease, type Suite } from '../../packages/builder/src/debian/archive.ts';
import { StanzaIndex } from '../../packages/builder/src/debian/control.ts';
import type { DebianPackage } from '../../packages/builder/src/debian/package.ts';
import { resolvePackages } from '../../packages/builder/src/debian/resolve.ts';
import { PackageUniverse, type SuiteIndex } from '../../packages/builder/src/debian/universe.ts';
import { compareVersions } from '../../packages/builder/src/debian/version.ts';
import { snapshotTime } from '../../packages/builder/src/lock/snapshot-time.ts';
import { silentReporter } from '../../packages/builder/src/report.ts';
import { assembleRoot } from '../../packages/builder/src/root/assemble-root.ts';
import { fetchAll, openWorkshop } from '../../packages/builder/src/workshop.ts';
import { type MatrixLock, matrixLockFile } from '../matrix/lock.ts';
import { PACKAGES, type PackageSpec, ROOTS, type RootSpec } from '../matrix/packages.ts';

const now = new Date();
const workshop = await openWorkshop({ reporter: silentReporter, offline: false, vendorDirs: [] });
const context = { ...workshop, now };
const indexes = new Map<string, Promise<SuiteIndex>>();

const lock: MatrixLock = { snapshot: snapshotTime(now), roots: {}, packages: {} };
for (const [name, spec] of Object.entries<RootSpec>(ROOTS)) lock.roots[name] = await lockRoot(name, spec);
for (const [name, spec] of Object.entries<PackageSpec>(PACKAGES)) {
  const found = await newest(name, spec);
  lock.packages[name] = { name: found.name, ...locked(found) };
}
await writeFile(matrixLockFile, `${JSON.stringify(lock, null, 2)}\n`);

async function lockRoot(name: string, { suites, extra, wanted, drop }: RootSpec) {
  const universe = new PackageUniverse([
    ...(await Promise.all(suites.map((suite) => read(suite)))),
    ...(extra === undefined ? [] : [await read(extra.suite, extra.only)]),
  ]);
  const resolved = resolvePackages(universe, { purpose: `root "${name}"`, wanted, drop });
  const packages = Object.fromEntries(resolved.map((each) => [each.name, locked(each)]));
  const files = Object.entries(packages).map(([each, file]) => ({ name: each, file }));
  const paths = await fetchAll(workshop, files, `Fetch the packages of ${name}`);
  const unpackable = files.map((each) => ({
    name: each.name,
    sha256: each.file.sha256,
    path: paths.get(each.name) ?? '',
  }));
  const { digest } = await assembleRoot(workshop.store, unpackable, workshop);
  return { digest, packages };
}

async function newest(label: string, { suites, name, asOf }: PackageSpec): Promise<DebianPackage> {
  const universe = await Promise.all(suites.map((suite) => read(suite, undefined, asOf)));
  const names = new Set(
    universe.flatMap(({ index }) => [...index.names()].filter((each) => name.test(each))),
  );
  const [found] = [...names]
    .flatMap((each) => new PackageUniverse(universe).versionsOf(each))
    .sort((a, b) => compareVersions(b.version, a.version));
  if (found === undefined) throw new Error(`No package for ${label}`);
  return found;
}

/** A suite's index, whole or only the packages whose name fits. */
function read(suite: Suite, only?: RegExp, asOf?: string): Promise<SuiteIndex> {
  const key = `${suite.codename} ${only ?? ''}`;
  const known = indexes.get(key) ?? fetchIndex(suite, only, asOf === undefined ? now : new Date(asOf));
  indexes.set(key, known);
  return known;
}

async function fetchIndex(suite: Suite, only: RegExp | undefined, at: Date): Promise<SuiteIndex> {
  const release = await fetchRelease(suite, { ...context, now: at });
  const [bytes = new Uint8Array()] = await fetchIndexes([release], 'packages', context);
  const kept = only === undefined ? bytes : onlyNamed(bytes, only);
  return { archive: suite.archive, suite: suite.codename, index: new StanzaIndex(kept, suite.codename) };
}

function onlyNamed(index: Uint8Array, name: RegExp): Uint8Array {
  const stanzas = Buffer.from(index).toString('utf8').split('\n\n');
  return Buffer.from(
    `${stanzas.filter((stanza) => name.test(/^Package: (.*)$/m.exec(stanza)?.[1] ?? '')).join('\n\n')}\n`,
  );
}

function locked(found: DebianPackage): LockedPackage {
  const { version, architecture, source, sizeBytes: size, sha256, archive, filename } = found;
  return { version, architecture, source, size, sha256, origins: [`${archive}:${filename}`] };
}

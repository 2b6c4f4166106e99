/**
 * Writes test/support/rebuilderd.lock.json: the newest versions of Debian's rebuilderd. Run with
 * `node --conditions=altee:source --import tsx test/scripts/write-rebuilderd-lock.ts`.
 */
import { writeFile } from 'node:fs/promises';
import { fetchIndexes, fetchRelease, suites } from '../../packages/builder/src/debian/archive.ts';
import { StanzaIndex } from '../../packages/builder/src/debian/control.ts';
import { resolvePackages } from '../../packages/builder/src/debian/resolve.ts';
import { PackageUniverse } from '../../packages/builder/src/debian/universe.ts';
import { snapshotTime } from '../../packages/builder/src/lock/snapshot-time.ts';
import { silentReporter } from '../../packages/builder/src/report.ts';
import { assembleRoot } from '../../packages/builder/src/root/assemble-root.ts';
import { fetchAll, openWorkshop } from '../../packages/builder/src/workshop.ts';
import { REBUILDERD } from '../support/rebuilderd.ts';

const now = new Date();
const workshop = await openWorkshop({ reporter: silentReporter, offline: false, vendorDirs: [] });
const context = { ...workshop, now };
const releases = await Promise.all(suites.map((suite) => fetchRelease(suite, context)));
const indexes = (await fetchIndexes(releases, 'packages', context)).flatMap((bytes, at) => {
  const suite = suites[at];
  if (suite === undefined) return [];
  const { archive, codename } = suite;
  return [{ archive, suite: codename, index: new StanzaIndex(bytes, codename) }];
});
const universe = new PackageUniverse(indexes);
const packages = resolvePackages(universe, { purpose: 'rebuilderd', wanted: [...REBUILDERD], drop: [] });
const locked = Object.fromEntries(
  packages.map((entry) => {
    const { name, version, architecture, source, sizeBytes: size, sha256 } = entry;
    return [name, { version, architecture, source, size, sha256, origins: universe.originsOf(entry) }];
  }),
);
const files = Object.entries(locked).map(([name, file]) => ({ name, file }));
const paths = await fetchAll(workshop, files, 'Fetch rebuilderd');
const root = await assembleRoot(
  workshop.store,
  files.map(({ name, file }) => ({ name, sha256: file.sha256, path: paths.get(name) ?? '' })),
  workshop,
);
const lock = { snapshot: snapshotTime(now), digest: root.digest, packages: locked };
await writeFile(
  new URL('../support/rebuilderd.lock.json', import.meta.url),
  `${JSON.stringify(lock, null, 2)}\n`,
);

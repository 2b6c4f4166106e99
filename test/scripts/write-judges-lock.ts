/** Writes test/support/judges.lock.json: the newest versions of the outside judges. Run by `npm run judges`. */
import { writeFile } from 'node:fs/promises';
import { fetchIndexes, fetchRelease, type Suite, suites } from '../../packages/builder/src/debian/archive.ts';
import { StanzaIndex } from '../../packages/builder/src/debian/control.ts';
import { archiveKeys } from '../../packages/builder/src/debian/keys/trixie.ts';
import { resolvePackages } from '../../packages/builder/src/debian/resolve.ts';
import { PackageUniverse } from '../../packages/builder/src/debian/universe.ts';
import { snapshotTime } from '../../packages/builder/src/lock/snapshot-time.ts';
import { rootRecipes } from '../../packages/builder/src/lock/toolchain.ts';
import { silentReporter } from '../../packages/builder/src/report.ts';
import { assembleRoot } from '../../packages/builder/src/root/assemble-root.ts';
import { fetchAll, openWorkshop } from '../../packages/builder/src/workshop.ts';
import { JUDGES } from '../support/judges.ts';

/** Only the checker itself comes from there: it is in no release yet. */
const BACKPORTED = 'kernel-hardening-checker';
const backports: Suite = {
  archive: 'debian',
  codename: 'trixie-backports',
  origin: 'Debian Backports',
  label: 'Debian Backports',
  keys: archiveKeys,
};

const now = new Date();
const workshop = await openWorkshop({ reporter: silentReporter, offline: false, vendorDirs: [] });
const context = { ...workshop, now };

const from = [...suites, backports];
const releases = await Promise.all(from.map((suite) => fetchRelease(suite, context)));
const indexes = (await fetchIndexes(releases, 'packages', context)).map((bytes, at) => {
  const { archive, codename } = from[at] ?? backports;
  const kept = codename === backports.codename ? only(bytes, BACKPORTED) : bytes;
  return { archive, suite: codename, index: new StanzaIndex(kept, codename) };
});
const base = rootRecipes.image;
const packages = resolvePackages(new PackageUniverse(indexes), {
  purpose: 'the judges',
  wanted: [...Object.keys(JUDGES), ...Object.keys(base.wanted)].sort(),
  drop: Object.keys(base.drop).filter(
    (name) => name.startsWith('util-linux>') || name.startsWith('coreutils>'),
  ),
});
const locked = Object.fromEntries(
  packages.map(({ name, version, architecture, source, sizeBytes: size, sha256, archive, filename }) => [
    name,
    { version, architecture, source, size, sha256, origins: [`${archive}:${filename}`] },
  ]),
);
const files = Object.entries(locked).map(([name, file]) => ({ name, file }));
const paths = await fetchAll(workshop, files, 'Fetch the judges');
const root = await assembleRoot(
  workshop.store,
  files.map(({ name, file }) => ({ name, sha256: file.sha256, path: paths.get(name) ?? '' })),
  workshop,
);
const lock = { snapshot: snapshotTime(now), digest: root.digest, packages: locked };
await writeFile(
  new URL('../support/judges.lock.json', import.meta.url),
  `${JSON.stringify(lock, null, 2)}\n`,
);

/** The stanzas of one package out of an index. */
function only(index: Uint8Array, name: string): Uint8Array {
  const stanzas = Buffer.from(index).toString('utf8').split('\n\n');
  return Buffer.from(`${stanzas.filter((stanza) => stanza.startsWith(`Package: ${name}\n`)).join('\n\n')}\n`);
}

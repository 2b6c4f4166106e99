import { copyFile, link, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { silentReporter } from '@altee/builder';
import type { Lock } from '@altee/manifest';
import { LockedRoots } from '../../packages/builder/src/roots.ts';
import { openWorkshop } from '../../packages/builder/src/workshop.ts';
import { type ExampleContext, exampleContext } from '../support/context.ts';
import { withTempDir } from './altee-command.ts';
import type { Benchmark, Measurement, Sample } from './benchmark.ts';
import { type LocalPackage, mmdebstrapVersion, timeMmdebstrap } from './mmdebstrap.ts';
import { ratioText } from './print-result.ts';
import { repeat, timeWork } from './timing.ts';

/** Unpacking the packages of a lock, against mmdebstrap. */
export const toolchain: Benchmark = {
  name: 'toolchain',
  title: 'the roots of examples/hello from an empty store, downloads aside, against mmdebstrap',
  isSlow: true,
  run: async ({ runs, say }) => {
    const context = await exampleContext('hello');
    const names = Object.keys(context.lock.roots);
    say('Fetching what is missing');
    for (const name of names) await context.roots.get(name);
    const version = await mmdebstrapVersion();
    const sets = [
      { title: `the ${names.length} roots`, names },
      { title: 'the root "kernel" alone', names: ['kernel'] },
    ];
    const results = [];
    for (const set of sets) {
      say(`Measuring ${set.title}`);
      results.push(await compare(context, set, version, Math.min(runs, 3)));
    }
    return {
      measurements: results.flatMap(({ measurements }) => measurements),
      targets: results.flatMap(({ targets }) => targets),
      notes: [
        version === undefined
          ? 'There is no mmdebstrap on this machine to compare with'
          : `${version}, variant "extract": no maintainer scripts, as in altee; packages from a local folder`,
        'altee unpacks each package once, hashes every file and links the roots together; mmdebstrap unpacks the same packages into one folder',
      ],
    };
  },
};

async function compare(
  context: ExampleContext,
  { title, names }: { title: string; names: readonly string[] },
  version: string | undefined,
  runs: number,
) {
  const packages = packagesOf(context, names);
  const altee: Measurement = {
    label: `altee, ${title}`,
    samples: await repeat(runs, () => withTempDir((dir) => timeRoots(context.lock, packages, names, dir))),
  };
  if (version === undefined) return { measurements: [altee], targets: [] };
  const other: Measurement = {
    label: `mmdebstrap, ${title}`,
    samples: await repeat(runs, () => withTempDir((dir) => timeMmdebstrap(packages, dir))),
  };
  const target = { label: title, reached: ratioText(altee, other), wanted: 'at most 1 ×' };
  return { measurements: [altee, other], targets: [target] };
}

/** The packages of these roots together, each once. */
function packagesOf({ lock, workshop }: ExampleContext, names: readonly string[]): LocalPackage[] {
  const wanted = new Set(names.flatMap((name) => lock.roots[name]?.packages ?? []));
  return [...wanted].map((name) => {
    const file = lock.packages[name];
    if (!file) throw new Error(`The lock lacks "${name}"`);
    return { name, path: workshop.store.filePath(file.sha256), size: file.size, sha256: file.sha256 };
  });
}

/** Unpacks the roots into a new store in `dir` that holds the packages' files and nothing else. */
async function timeRoots(
  lock: Lock,
  packages: readonly LocalPackage[],
  names: readonly string[],
  dir: string,
): Promise<Sample> {
  const options = { reporter: silentReporter, offline: true, vendorDirs: [], storeDir: dir };
  const workshop = await openWorkshop(options, lock);
  for (const { path, sha256 } of packages) {
    const place = workshop.store.filePath(sha256);
    await mkdir(dirname(place), { recursive: true });
    // The store may be on another file system than the new one.
    await link(path, place).catch(() => copyFile(path, place));
  }
  const roots = new LockedRoots(lock, workshop);
  return timeWork(async () => {
    for (const name of names) await roots.get(name);
  });
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataDir } from '../data-dir.ts';
import { BuilderError } from '../error.ts';
import { didYouMean } from './did-you-mean.ts';
import { type Fragment, parseFragment } from './fragment.ts';

/** The fragments of one kernel line, a folder such as `kernels/linux-6.12`. */
export interface KernelLine {
  /** `linux-6.12` */
  readonly name: string;
  readonly path: string;
  /** By name: `base`, `hardening`, features, and combinations such as `virtio+network`. */
  readonly fragments: ReadonlyMap<string, Fragment>;
  /** Options that no kernel has unless an exception says so, each with value `n`. */
  readonly forbidden: Fragment;
  /** Options that altee can't build or measure a kernel with, each with value `n`: no exception is possible. */
  readonly unsupported: Fragment;
  /** Names that may stand under `kernel.features`. */
  readonly features: readonly string[];
}

const forbiddenName = 'forbidden';
const unsupportedName = 'unsupported';

/**
 * Reads and parses the fragments of a kernel line.
 *
 * @throws BuilderError `invalid-input` where there is no such line; `kernel-config` for a malformed fragment
 */
export async function loadKernelLine(name: string, dir: string = dataDir('kernels')): Promise<KernelLine> {
  const lines = await foldersIn(dir);
  if (!lines.includes(name)) {
    throw new BuilderError(
      'invalid-input',
      `Cannot find the kernel line "${name}"${didYouMean(name, lines)}`,
      {
        hint: `Write one of these under "kernel.line": ${lines.join(', ') || 'none is installed'}`,
      },
    );
  }
  const path = join(dir, name);
  const general = await readFragments(path, `kernels/${name}`);
  const featureFragments = await readFragments(join(path, 'features'), `kernels/${name}/features`);
  const fragments = new Map([...general, ...featureFragments].map((fragment) => [fragment.name, fragment]));
  const forbidden = fragments.get(forbiddenName);
  const unsupported = fragments.get(unsupportedName);
  if (!forbidden || !unsupported || !fragments.has('base') || !fragments.has('hardening')) {
    throw new BuilderError('kernel-config', `The kernel line "${name}" is incomplete`, {
      hint: 'A line has base.config, hardening.config, forbidden.config and unsupported.config',
    });
  }
  fragments.delete(forbiddenName);
  fragments.delete(unsupportedName);
  const features = featureFragments
    .map((fragment) => fragment.name)
    .filter((feature) => !feature.includes('+'));
  return { name, path, fragments, forbidden, unsupported, features };
}

async function foldersIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function readFragments(folder: string, shownFolder: string): Promise<Fragment[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.config')).sort();
  return Promise.all(
    files.map(async (file) =>
      parseFragment(await readFile(join(folder, file), 'utf8'), `${shownFolder}/${file}`),
    ),
  );
}

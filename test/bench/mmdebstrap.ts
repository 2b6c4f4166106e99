import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sample } from './benchmark.ts';
import { timeCommand } from './timing.ts';

const run = promisify(execFile);

/** A package file on this machine. */
export interface LocalPackage {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
}

/** mmdebstrap's version, or undefined where there is none on this machine. */
export async function mmdebstrapVersion(): Promise<string | undefined> {
  return run('mmdebstrap', ['--version']).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

/**
 * What mmdebstrap takes to unpack these packages into a new folder: variant "extract", which like altee unpacks and
 * runs no maintainer script, from an archive in a local folder, so that nothing is downloaded. Their relations are
 * left out of that archive's index: mmdebstrap then takes exactly these packages, without time for resolving.
 */
export async function timeMmdebstrap(packages: readonly LocalPackage[], dir: string): Promise<Sample> {
  const archive = join(dir, 'archive');
  await mkdir(archive);
  const paragraphs = await Promise.all(packages.map((file) => addToArchive(file, archive)));
  await writeFile(join(archive, 'Packages'), paragraphs.join('\n'));
  return timeCommand({
    command: [
      'mmdebstrap',
      '--variant=extract',
      `--include=${packages.map(({ name }) => name).join(',')}`,
      'trixie',
      join(dir, 'root'),
      `deb [trusted=yes] copy:${archive} ./`,
    ],
  });
}

async function addToArchive({ name, path, size, sha256 }: LocalPackage, archive: string): Promise<string> {
  await symlink(path, join(archive, `${name}.deb`));
  const { stdout } = await run('dpkg-deb', ['--field', path, 'Package', 'Version', 'Architecture']);
  return `${stdout}Filename: ./${name}.deb\nSize: ${size}\nSHA256: ${sha256.slice('sha256:'.length)}\n`;
}

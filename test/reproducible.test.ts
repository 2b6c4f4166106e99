import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { build, silentReporter } from '@altee/builder';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../packages/builder/src/image-parts.ts';
import { exampleContext } from './support/context.ts';
import { exampleFolder, exampleManifest } from './support/examples.ts';

/**
 * The same lock gives the same bytes, whoever builds it, where, and under which umask. The other user starts from a
 * store with the fetched files and the kernel alone: a kernel takes many minutes, and that two builds of one are
 * equal has a test of its own, with a small kernel.
 */
const run = promisify(execFile);
const NOBODY = 65534;
const main = new URL('../packages/cli/dist/altee.js', import.meta.url).pathname;

let base: string;
beforeAll(async () => {
  base = await mkdtemp('/var/tmp/altee-reproducible-');
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe.runIf(process.getuid?.() === 0)('altee build', () => {
  it('gives the same SHA256SUMS to another user in another folder under another umask and time zone', async () => {
    const here = await build({
      manifestFile: exampleManifest('static-c'),
      frozen: true,
      offline: false,
      vendorDirs: [],
      reporter: silentReporter,
    });
    const folder = join(base, 'some where', 'else');
    await cp(exampleFolder('static-c'), folder, {
      recursive: true,
      filter: (path) => !path.includes('/dist'),
    });
    const cache = join(base, 'cache');
    await shareSlowParts(cache);
    await run('chown', ['-R', `${NOBODY}:${NOBODY}`, base]);
    const command = [process.execPath, main];
    await run('sh', ['-c', 'umask 077 && exec "$@"', 'sh', ...command, 'build', '--frozen', 'altee.yaml'], {
      cwd: folder,
      uid: NOBODY,
      gid: NOBODY,
      env: { ...origins(), HOME: base, ALTEE_CACHE: cache, TZ: 'Pacific/Kiritimati', LANG: 'C.UTF-8' },
      maxBuffer: 1 << 26,
    });
    const sums = await readFile(join(folder, 'dist/static-c/SHA256SUMS'), 'utf8');
    expect(sums).toBe(await readFile(join(here.outDir, 'SHA256SUMS'), 'utf8'));
  });
});

function origins(): Record<string, string> {
  const names = ['PATH', 'ALTEE_DEBIAN_MIRROR', 'ALTEE_DEBIAN_SECURITY_MIRROR', 'ALTEE_VENDOR'];
  return Object.fromEntries(names.flatMap((name) => Object.entries({ [name]: process.env[name] ?? '' })));
}

/** Fetched files, and of the kernel's three steps what a later step reads: all of it but the unpacked source. */
async function shareSlowParts(cache: string): Promise<void> {
  const context = await exampleContext('static-c');
  const { kernel } = await buildImage(context);
  const from = context.workshop.store.dir;
  await cp(join(from, 'files'), join(cache, 'files'), { recursive: true });
  for (const path of [kernel.source, kernel.config, kernel.bzImage]) {
    const [, tree = ''] = /^(trees\/output\/[^/]+)\//.exec(relative(from, path)) ?? [];
    await mkdir(join(cache, tree, 'out'), { recursive: true });
    await cp(join(from, `${tree}.json`), join(cache, `${tree}.json`));
    await cp(join(from, tree, 'digest'), join(cache, tree, 'digest'));
    if (path !== kernel.source) await cp(dirname(path), join(cache, tree, 'out'), { recursive: true });
  }
}

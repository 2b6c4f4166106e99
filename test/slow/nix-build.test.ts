import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { startAltee } from '../support/altee.ts';
import { exampleContext } from '../support/context.ts';
import { hasNix, testFolder, testNixStore } from '../support/nix.ts';
import { testProject } from '../support/project.ts';
import { seedStore } from '../support/seeded-store.ts';

const canRun = process.env['ALTEE_TEST_ROOT'] !== undefined && (await hasNix());

let base: string;
beforeAll(async () => {
  base = await testFolder();
});
afterAll(() => removeTree(base));

describe.skipIf(!canRun)('altee build --executor nix', () => {
  it('gives every file that the sandbox gives', async () => {
    await using project = await testProject();
    const sandbox = await startAltee(['build', project.manifest, '--out', join(base, 'sandbox')]).ended;
    expect(sandbox.exitCode, sandbox.stderr).toBe(0);

    const nixStore = await testNixStore(base, 'store');
    const cache = join(base, 'cache');
    await seedStore(cache, await exampleContext('hello'));
    const nix = await startAltee(
      ['build', project.manifest, '--executor', 'nix', '--out', join(base, 'nix')],
      { env: { ALTEE_CACHE: cache, ...nixStore.env() } },
    ).ended;
    expect(nix.exitCode, nix.stderr).toBe(0);

    const sums = (name: string) => readFile(join(base, name, 'SHA256SUMS'), 'utf8');
    expect(await sums('nix')).toBe(await sums('sandbox'));
    // Nix has run the steps, and nobody else.
    const built = (await readdir(join(nixStore.folder, 'nix/store'))).map((name) => name.slice(33));
    expect(built).toEqual(
      expect.arrayContaining([
        'altee-build-the-application',
        'altee-build-pid-1',
        'altee-merge-the-efi-file',
      ]),
    );
  });
});

import { createHash } from 'node:crypto';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { Store } from '../../packages/builder/src/store/store.ts';
import { tempFolder } from '../../packages/builder/test/temp.ts';
import { startAltee } from '../support/altee.ts';
import { testProject } from '../support/project.ts';

/** Every way to the network ends at a port where nobody listens. */
const noNetwork = {
  ALTEE_DEBIAN_MIRROR: 'http://127.0.0.1:9/debian',
  HTTP_PROXY: 'http://127.0.0.1:9',
  HTTPS_PROXY: 'http://127.0.0.1:9',
};

async function altee(args: readonly string[], env: Record<string, string> = {}) {
  const ended = await startAltee([...args], { env: { ...noNetwork, ...env } }).ended;
  return { ...ended, said: `${ended.stdout}\n${ended.stderr}` };
}

describe('altee vendor', () => {
  it('writes a bundle from which an empty store builds the same image without network, with an imported kernel', async () => {
    await using dir = await tempFolder();
    await using project = await testProject();
    const bundle = join(dir.path, 'hello.vendor.tar');
    const built = await altee(['build', project.manifest, '--json']);
    expect(built.exitCode, built.said).toBe(0);

    // Twice the same bytes; as JSON, what they are.
    const vendored = await altee(['vendor', project.manifest, '--offline', '--out', bundle, '--json']);
    expect(vendored.exitCode, vendored.said).toBe(0);
    const { sha256, files } = JSON.parse(vendored.stdout) as { sha256: string; files: number };
    expect(sha256).toBe(
      `sha256:${createHash('sha256')
        .update(await readFile(bundle))
        .digest('hex')}`,
    );
    expect(files).toBeGreaterThan(100);
    const again = await altee([
      'vendor',
      project.manifest,
      '--offline',
      '--out',
      `${bundle}.tar`,
      '--vendor',
      bundle,
    ]);
    expect(again.stdout).toContain(sha256);

    // A kernel takes many minutes: its steps' outputs come from this machine's store.
    const cache = join(dir.path, 'cache');
    const exported = await altee(['cache', 'export', project.manifest, '--format', 'oci', '--to', cache]);
    expect(exported.exitCode, exported.said).toBe(0);
    const ALTEE_CACHE = join(dir.path, 'store');
    const imported = await altee(['cache', 'import', cache], { ALTEE_CACHE });
    expect(imported.stdout).toMatch(/Imported \d+ entries; 0 were here already/);

    const command = ['build', project.manifest, '--frozen', '--offline', '--vendor', bundle, '--json'];
    const rebuilt = await altee([...command, '--out', join(dir.path, 'out')], { ALTEE_CACHE });
    expect(rebuilt.exitCode, rebuilt.said).toBe(0);
    const sumsOf = (stdout: string) => (JSON.parse(stdout) as { files: unknown }).files;
    expect(sumsOf(rebuilt.stdout)).toEqual(sumsOf(built.stdout));

    const store = await Store.open(ALTEE_CACHE);
    const outputs = (await store.list()).filter(({ kind, key }) => kind === 'output' && key.length === 64);
    const kernels = [];
    for (const { path, imported } of outputs)
      if ((await readdir(join(path, 'out'))).includes('bzImage')) kernels.push(imported === true);
    expect(kernels).toEqual([true]);
    const shown = await altee(['cache', 'show', '--all'], { ALTEE_CACHE });
    expect(shown.stdout).toMatch(/output .* imported/);
    await removeTree(ALTEE_CACHE);
  });

  it('refuses a damaged bundle with exit code 2, and leaves the store and the results as they were', async () => {
    await using dir = await tempFolder();
    await using project = await testProject();
    const bundle = join(dir.path, 'hello.vendor.tar');
    await altee(['vendor', project.manifest, '--offline', '--out', bundle]);
    const whole = await readFile(bundle);
    const ALTEE_CACHE = join(dir.path, 'store');
    const build = () =>
      altee(['build', project.manifest, '--frozen', '--offline', '--vendor', bundle], { ALTEE_CACHE });
    const expectRefusal = async (reason: RegExp) => {
      const refused = await build();
      expect(refused.exitCode, refused.said).toBe(2);
      expect(refused.stderr).toMatch(reason);
      expect(await (await Store.open(ALTEE_CACHE)).list()).toEqual([]);
      await expect(readdir(project.dist)).rejects.toMatchObject({ code: 'ENOENT' });
    };
    await truncate(bundle, whole.length - 1_000_000);
    await expectRefusal(/Refused the vendor bundle ".*": it is cut off in "/);
    const changed = Buffer.from(whole);
    changed[whole.length >> 1] = (changed[whole.length >> 1] ?? 0) ^ 1;
    await writeFile(bundle, changed);
    await expectRefusal(/has other bytes/);
    const longer = Buffer.concat([whole, Buffer.alloc(512)]);
    await writeFile(bundle, longer);
    await expectRefusal(/512 bytes come after its end/);
  });

  it('refuses the bundle of another lock, and one for a project without a lock', async () => {
    await using dir = await tempFolder();
    await using project = await testProject();
    const bundle = join(dir.path, 'hello.vendor.tar');
    await altee(['vendor', project.manifest, '--offline', '--out', bundle]);
    await using other = await testProject({
      lock: (lock) => ({ ...lock, debian: { ...lock.debian, snapshot: '20261121T000000Z' } }),
    });
    const refused = await altee(['build', other.manifest, '--frozen', '--offline', '--vendor', bundle]);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('it is for another lock');
    await writeFile(join(dir.path, 'altee.yaml'), await readFile(project.manifest));
    const none = await altee(['vendor', join(dir.path, 'altee.yaml'), '--out', `${bundle}.tar`]);
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain('There is no lock');
  });

  it('names what an empty store lacks where the mirrors are dead, and leaves no bundle', async () => {
    await using dir = await tempFolder();
    await using project = await testProject();
    const out = join(dir.path, 'bundle.tar');
    const ALTEE_CACHE = join(dir.path, 'store');
    const failed = await altee(['vendor', project.manifest, '--offline', '--out', out], { ALTEE_CACHE });
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('Not in the store and offline: 115 of 115 files');
    expect(await readdir(dir.path)).toEqual(['store']);
  });
});

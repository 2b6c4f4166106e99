import { generateKeyPairSync } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startAltee } from '../support/altee.ts';
import { exampleManifest, examples } from '../support/examples.ts';
import { testProject } from '../support/project.ts';

/** Builds of the compiled command: each kind of leak, and none in the examples. */
const build = (manifest: string, env: Readonly<Record<string, string>> = {}, ...more: readonly string[]) =>
  startAltee(['build', '--offline', manifest, ...more], { env }).ended;

const SECRET = 'leak-test-secret-0815';

describe('altee build', () => {
  it('fails where its results hold something of this machine, says where, and writes nothing', async () => {
    await using project = await testProject({
      run: 'cp app "$OUT/hello"; cp notes key.pem "$OUT"; date > "$OUT/when"; date +%s > "$OUT/epoch"',
    });
    const { privateKey } = generateKeyPairSync('ed25519');
    const source = join(project.folder, 'src');
    await writeFile(join(source, 'notes'), `built in ${project.folder} with ${SECRET}\n`);
    await writeFile(join(source, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const { exitCode, stderr } = await build(project.manifest, { DEPLOY_TOKEN: SECRET });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error: The results hold 5 things of the machine or the moment that made them');
    expect(stderr).toContain("path: the project's folder");
    expect(stderr).toMatch(/in faulty\.efi\/\.initrd\/app\/notes at 0x9: built in [^\n]*\*{5}/);
    expect(stderr).toContain('secret: the value of $DEPLOY_TOKEN');
    expect(stderr).not.toContain(SECRET);
    expect(stderr).toMatch(/date: .*\n.*in faulty\.efi\/\.initrd\/app\/when at 0x4/);
    expect(stderr).toMatch(
      /time-stamp: seconds since 1970 .*\n.*in faulty\.efi\/\.initrd\/app\/epoch at 0x0/,
    );
    expect(stderr).toMatch(/private-key: .*\n.*in faulty\.efi\/\.initrd\/app\/key\.pem at 0x0/);
    await expect(access(project.dist)).rejects.toThrow();
  });

  it('takes exceptions with a reason, and warns of one that is not needed', async () => {
    const exceptions = `leaks:
  exceptions:
    - { what: private-key, where: app/key.pem, reason: a published key that tests use }
    - { what: date, where: app/when, reason: nothing is there }
`;
    await using project = await testProject({
      run: 'cp app "$OUT/hello"; cp key.pem "$OUT"',
      manifest: (text) => `${text}${exceptions}`,
    });
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(join(project.folder, 'src/key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const { exitCode, stderr } = await build(project.manifest);
    expect(stderr).toContain('exception "date" in "app/when" is not needed');
    expect(exitCode).toBe(0);
    expect(await readFile(join(project.dist, 'SHA256SUMS'), 'utf8')).toContain('faulty.efi');
  });

  it('takes a date that stands in the source', async () => {
    await using project = await testProject({ run: 'cp app "$OUT/hello"; cp version "$OUT"' });
    const today = new Date().toISOString().slice(0, 10);
    await writeFile(join(project.folder, 'src/version'), `protocol ${today}\n`);
    expect(await build(project.manifest)).toMatchObject({ exitCode: 0 });
  });

  it.each(examples)('finds nothing in the example %s', async (name) => {
    await using project = await testProject();
    const out = join(project.folder, 'out');
    const { exitCode, stderr } = await build(exampleManifest(name), {}, '--out', out);
    expect(stderr).not.toContain('Not searched for leaks');
    expect(exitCode).toBe(0);
  });
});

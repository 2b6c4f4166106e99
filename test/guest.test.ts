import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../packages/builder/src/app/build-app.ts';
import { readElf } from '../packages/builder/src/app/elf.ts';
import { sourceTree } from '../packages/builder/src/app/source-tree.ts';
import type { Root, Step } from '../packages/builder/src/executor/executor.ts';
import { runStep } from '../packages/builder/src/executor/run-step.ts';
import { sandboxExecutor } from '../packages/builder/src/executor/sandbox.ts';
import { buildInit } from '../packages/builder/src/guest/build-init.ts';
import { encodeGuestConfig } from '../packages/builder/src/guest/guest-config.ts';
import { openProject, readLock } from '../packages/builder/src/project.ts';
import { silentReporter } from '../packages/builder/src/report.ts';
import { LockedRoots } from '../packages/builder/src/roots.ts';
import { hashFile } from '../packages/builder/src/store/hash-file.ts';
import { removeTree } from '../packages/builder/src/store/remove-tree.ts';
import { Store } from '../packages/builder/src/store/store.ts';
import { openWorkshop } from '../packages/builder/src/workshop.ts';
import { tinyElf } from '../packages/builder/test/app/tiny-elf.ts';
import { exampleFolder, exampleManifest } from './support/examples.ts';

const guest = fileURLToPath(new URL('../guest', import.meta.url));
const executor = sandboxExecutor();

/** The lock's root of that name; `ALTEE_TEST_GO_ROOT` names a folder to take instead, for work on the guest alone. */
async function root(name: 'guest' | 'app'): Promise<Root> {
  const path = process.env['ALTEE_TEST_GO_ROOT'];
  if (path !== undefined) return { path, digest: `sha256:${'0'.repeat(64)}` };
  const lock = await readLock(await openProject(exampleManifest('hello')));
  if (!lock) throw new Error('examples/hello has no lock');
  const workshop = await openWorkshop({ reporter: silentReporter, offline: false, vendorDirs: [] }, lock);
  return new LockedRoots(lock, workshop).get(name);
}

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-guest-'));
});
afterAll(() => removeTree(base));

const openStore = (name: string): Promise<Store> => Store.open(join(base, name));

describe('guest/', () => {
  it('passes its own tests, formatting and go vet, and reads what encodeGuestConfig() writes', async () => {
    const store = await Store.open();
    await mkdir(join(base, 'agreement'));
    await writeFile(join(base, 'agreement/agreement.json'), JSON.stringify(agreements()));
    const step: Step = {
      name: 'Test PID 1',
      root: await root('guest'),
      script: `mkdir -p "$GOPATH/src/altee"
cp -a /src/guest "$GOPATH/src/altee/guest"
cd "$GOPATH/src/altee/guest"
test -z "$(gofmt -l .)"
go vet ./...
go test -v ./... > "$OUT/log" || { cat "$OUT/log"; exit 1; }
`,
      env: {
        ALTEE_AGREEMENT: '/src/agreement',
        CGO_ENABLED: '0',
        GO111MODULE: 'off',
        GOCACHE: '/build/cache',
        GOPATH: '/build/go',
      },
      inputs: {
        guest: await sourceTree(store, guest),
        agreement: await sourceTree(store, join(base, 'agreement')),
      },
      limits: { seconds: 900, outputBytes: 2 ** 30, processes: 4096 },
    };
    const out = await runStep(executor, store, step, { reporter: silentReporter });
    const log = await readFile(join(out, 'log'), 'utf8');
    expect(log).toContain('--- PASS: TestInstalledFilterHoldsInTheKernel');
    expect(log).toMatch(/: 500 configurations\n--- PASS: TestParseReadsWhatTheBuilderWrites/);
  });

  it('gives the same PID 1 when it is built again elsewhere, static and small', async () => {
    const build = async (store: Store, jobs: number) =>
      buildInit({
        executor: sandboxExecutor({ jobs }),
        store,
        root: await root('guest'),
        reporter: silentReporter,
      });
    const one = await build(await Store.open(), 2);
    const two = await build(await openStore('other'), 1);
    expect((await hashFile(two.path)).sha256).toBe((await hashFile(one.path)).sha256);
    expect(readElf(await readFile(one.path))).toMatchObject({ machine: 62, interpreter: undefined });
    expect(one.size).toBeLessThan(1_700_000);
  });
});

describe('buildApp()', () => {
  const broken: [what: string, run: string, entrypoint: string, error: object][] = [
    ['nothing', 'true', 'app', { code: 'app-unusable', message: 'The build left no file "app" in $OUT' }],
    [
      'a script',
      'echo "#!/bin/sh" > "$OUT/app"; chmod +x "$OUT/app"',
      'app',
      { code: 'app-unusable', message: expect.stringContaining('it is a script') },
    ],
    [
      'a file that is not executable',
      'cp main.go "$OUT/app"',
      'app',
      { code: 'app-unusable', message: 'The entrypoint "app" is not executable' },
    ],
    ['a link out of $OUT', 'ln -s /bin/sh "$OUT/app"', 'app', { code: 'app-unusable' }],
    [
      'a dynamic executable',
      'cp /bin/ls "$OUT/app"',
      'app',
      {
        code: 'app-unusable',
        message: expect.stringContaining('wants the loader "/lib64/ld-linux-x86-64.so.2"'),
      },
    ],
    [
      'a failure',
      'echo before\nfalse # it is broken\necho after',
      'app',
      { code: 'step-failed', message: 'Step "Build the application" failed with exit code 1 at "false"' },
    ],
    ['half a command', 'echo "', 'app', { code: 'step-failed' }],
  ];
  it.each(broken)('says so where a recipe leaves %s', async (_what, run, entrypoint, error) => {
    const { manifest } = await openProject(exampleManifest('hello'));
    const app = { ...manifest.app, build: { packages: [], source: 'src', run, entrypoint } };
    const context = { executor, store: await openStore('other'), reporter: silentReporter };
    await expect(
      buildApp(context, { app, folder: exampleFolder('hello'), root: await root('app') }),
    ).rejects.toMatchObject(error);
  });

  it('gives the cache of "prepare" to "run" as a copy that can be written to', async () => {
    const { manifest } = await openProject(exampleManifest('hello'));
    const folder = join(base, 'prebuilt');
    await mkdir(folder);
    await writeFile(join(folder, 'app'), tinyElf(), { mode: 0o755 });
    const context = { executor, store: await openStore('other'), reporter: silentReporter };
    const build = async (run: string) => {
      const recipe = {
        packages: [],
        source: '.',
        prepare: 'echo cached > "$CACHE/file"',
        run,
        entrypoint: 'app',
      };
      const app = { ...manifest.app, build: recipe };
      return buildApp(context, { app, folder, root: await root('app') });
    };
    const run = 'test "$(cat "$CACHE/file")" = cached; echo more >> "$CACHE/file"; cp app "$OUT/app"';
    const { folder: out, entrypoint } = await build(run);
    expect(new Uint8Array(await readFile(join(out, entrypoint)))).toEqual(tinyElf());
    await build(`${run} # and again from the same cache`);
  });
});

/** Configurations of random text, the same each time, with what PID 1 has to read in them. */
function agreements(): object[] {
  const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
  const config = fc.record({ args: fc.array(text), env: fc.dictionary(name, text), file: text });
  return fc.sample(config, { numRuns: 500, seed: 20_260_101 }).map(({ args, env, file }) => ({
    Text: new TextDecoder().decode(
      encodeGuestConfig({
        hostname: 'hello',
        exec: '/app/hello',
        args,
        env,
        workdir: '/',
        uid: 1000,
        gid: 1000,
        openFiles: 1024,
        processes: 64,
        onExit: 'poweroff',
        network: { mode: 'none' },
        without: [],
        files: [{ path: `/${file}`, size: 1 }],
      }),
    ),
    Args: args,
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    File: `/${file}`,
  }));
}

import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lock } from '@altee/manifest';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { tinyElf } from '../../packages/builder/test/app/tiny-elf.ts';
import { exampleFolder } from './examples.ts';

export interface TestProject extends AsyncDisposable {
  readonly folder: string;
  readonly manifest: string;
  readonly lock: string;
  /** Where the results go without --out. */
  readonly dist: string;
}

export interface ProjectOptions {
  /** `app.build.run`; copies `app` of the source without it. */
  readonly run?: string;
  /** What `app` in the source is; a program that ends with 0 without it. */
  readonly app?: Uint8Array;
  /** Changes the text of the manifest. */
  readonly manifest?: (text: string) => string;
  /** Changes the lock, which is that of `examples/hello`; a text stands for the whole file. */
  readonly lock?: (lock: MutableLock) => MutableLock | string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends object ? Mutable<T[K]> : T[K] };
export type MutableLock = Mutable<Lock>;

/**
 * A project with the lock and the kernel of `examples/hello`, so that what that example has built serves here too.
 * Its path has spaces, quotes and letters beyond ASCII.
 */
export async function testProject(options: ProjectOptions = {}): Promise<TestProject> {
  const base = await mkdtemp('/var/tmp/altee-project-');
  const folder = join(base, "Müller's »app« 日本");
  await mkdir(join(folder, 'src'), { recursive: true });
  await writeFile(join(folder, 'src/app'), options.app ?? tinyElf(), { mode: 0o755 });
  const manifest = join(folder, 'altee.yaml');
  const text = manifestText(options.run ?? 'cp app "$OUT/hello"');
  await writeFile(manifest, options.manifest?.(text) ?? text);
  const lockFile = join(folder, 'altee.lock');
  const lock = JSON.parse(await readFile(join(exampleFolder('hello'), 'altee.lock'), 'utf8')) as MutableLock;
  const edited = options.lock?.(lock) ?? lock;
  await writeFile(lockFile, typeof edited === 'string' ? edited : `${JSON.stringify(edited, null, 2)}\n`);
  return {
    folder,
    manifest,
    lock: lockFile,
    dist: join(folder, 'dist/faulty'),
    [Symbol.asyncDispose]: () => removeTree(base),
  };
}

function manifestText(run: string): string {
  return `\
apiVersion: altee/v1
name: faulty
version: 0.1.0
app:
  build:
    packages: [golang-go]
    source: src
    run: ${JSON.stringify(run)}
    entrypoint: hello
kernel:
  line: linux-6.12
  features: [virtio, tpm, serial]
  cmdline: [quiet]
network: { mode: dhcp }
platforms:
  lab: { kind: qemu-tpm, vcpus: 1, memory: 512MiB }
`;
}

import { execFile } from 'node:child_process';
import { open, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { encodeLock, type Lock, lockSchema, parseManifest } from '@altee/manifest';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveOrigins } from '../packages/builder/src/debian/origins.ts';
import type { Root } from '../packages/builder/src/executor/executor.ts';
import { resolveLock } from '../packages/builder/src/lock/resolve-lock.ts';
import { snapshotTime } from '../packages/builder/src/lock/snapshot-time.ts';
import type { RootName } from '../packages/builder/src/lock/toolchain.ts';
import { silentReporter } from '../packages/builder/src/report.ts';
import { readRoot } from '../packages/builder/src/root/assemble-root.ts';
import { rootKey } from '../packages/builder/src/root/root-digest.ts';
import { Store } from '../packages/builder/src/store/store.ts';

/**
 * Resolves from Debian's real archive, through whatever origin this machine has, and looks at the roots that
 * come of it. Needs the network.
 */
const run = promisify(execFile);
const libraries = 'usr/lib/x86_64-linux-gnu';

const manifest = parseManifest(
  `apiVersion: altee/v1
name: hello
version: 0.1.0
app:
  build:
    packages: [golang-go]
    run: go build -o "$OUT/hello" .
    entrypoint: hello
`,
  'altee.yaml',
);

/** Folders of programs besides usr/bin and usr/sbin. */
const programFolders: Partial<Record<RootName, readonly string[]>> = {
  kernel: ['usr/lib/llvm-19/bin'],
  guest: ['usr/lib/go-1.24/bin'],
  app: ['usr/lib/go-1.24/bin'],
};

const login = ['agetty', 'getty', 'pinky', 'runuser', 'su', 'users', 'who'];
const terminal = ['dmesg', 'lsblk', 'more', 'setterm'];
const gprofng = ['gp-archive', 'gp-collect-app', 'gp-display-src', 'gp-display-text'].flatMap((name) => [
  name,
  name.replace('gp-', 'gprofng-'),
]);
const llvmDebug = [
  'addr2line',
  'cov',
  'debuginfod',
  'debuginfod-find',
  'exegesis',
  'objdump',
  'otool',
  'symbolizer',
];

/** Programs that do not start, because what they need is left out; all others do. */
const broken: Record<RootName, readonly string[]> = {
  kernel: [
    ...login,
    ...gprofng,
    ...llvmDebug.flatMap((name) => [`llvm-${name}`, `llvm-${name}-19`]),
    'findmnt',
    'gprofng',
    'lsblk',
  ],
  guest: [...login, ...terminal, 'findmnt', 'sulogin'],
  image: [...login, ...terminal, ...gprofng, 'findmnt', 'gprofng', 'pzstd', 'sulogin'],
  platform: [...login, ...terminal, 'sulogin'],
  app: [...login, ...terminal, 'findmnt', 'sulogin'],
};

/** Programs that altee's steps call. */
const called: Record<RootName, readonly string[]> = {
  kernel: [
    'clang-19',
    'ld.lld-19',
    'llvm-ar-19',
    'llvm-nm-19',
    'llvm-objcopy-19',
    'llvm-readelf-19',
    'llvm-strip-19',
    'objdump',
    'make',
    'flex',
    'bison',
    'm4',
    'bc',
    'perl',
    'mawk',
    'sed',
    'grep',
    'find',
    'xargs',
    'diff',
    'cmp',
    'tar',
    'xz',
    'zstd',
    'gzip',
  ],
  guest: ['go'],
  image: ['objcopy', 'zstd'],
  platform: ['qemu-system-x86_64', 'swtpm', 'swtpm_setup', 'swtpm_ioctl'],
  app: ['go', 'sed', 'grep', 'find', 'tar', 'gzip'],
};

const entrance = ['unshare', 'setpriv', 'prlimit', 'mount', 'umount', 'dash', 'sh', 'env', 'sha256sum'];

let lock: Lock;
const roots = new Map<string, Root>();

beforeAll(async () => {
  const now = new Date();
  const store = await Store.open();
  const origins = await resolveOrigins({ env: process.env, snapshot: snapshotTime(now) });
  lock = await resolveLock(manifest, { store, origins, now, reporter: silentReporter });
  for (const [name, { packages }] of Object.entries(lock.roots)) {
    const root = await readRoot(
      store,
      rootKey(packages.map((member) => lock.packages[member]?.sha256 ?? '')),
    );
    if (root !== undefined) roots.set(name, root);
  }
});

describe('a lock of the real archive', () => {
  it('is a lock, and the same when resolved again', async () => {
    expect(() => lockSchema.parse(lock)).not.toThrow();
    const now = new Date(lock.debian.snapshot.replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5'));
    const store = await Store.open();
    const origins = await resolveOrigins({ env: process.env, snapshot: lock.debian.snapshot });
    const again = await resolveLock(manifest, {
      store,
      origins,
      now,
      reporter: silentReporter,
      previous: lock,
    });
    expect(encodeLock(again)).toBe(encodeLock(lock));
  });

  it('pins a release of the kernel line, not older than 6.12.107', () => {
    const [, release] = /^6\.12\.(\d+)$/.exec(lock.kernel.version) ?? [];
    expect(Number(release)).toBeGreaterThanOrEqual(107);
  });

  it('keeps the roots small: what is downloaded is at most 190 MB', () => {
    const total = Object.values(lock.packages).reduce((sum, { size }) => sum + size, 0);
    expect(total).toBeLessThan(190e6);
  });

  it.each(Object.keys(called) as RootName[])(
    'gives the root "%s" every library of every program',
    async (name) => {
      const root = roots.get(name);
      if (root === undefined) throw new Error(`No root "${name}"`);
      const folders = ['usr/bin', 'usr/sbin', ...(programFolders[name] ?? [])];
      const programs = (
        await Promise.all(folders.map((folder) => programsIn(join(root.path, folder))))
      ).flat();
      const names = programs.map((path) => basename(path));
      expect(names).toEqual(expect.arrayContaining([...called[name], ...entrance]));
      const lacking: string[] = [];
      for (const path of programs) if (await lacksLibraries(root, path)) lacking.push(basename(path));
      expect(lacking.filter((program) => [...called[name], ...entrance].includes(program))).toEqual([]);
      expect([...new Set(lacking)].sort()).toEqual([...broken[name]].sort());
    },
  );
});

/** Everything in a folder of programs. */
async function programsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name));
}

/** Whether the root's own loader does not find all libraries of a program in the root. */
async function lacksLibraries(root: Root, path: string): Promise<boolean> {
  if (!(await isElf(path))) return false;
  const folder = join(root.path, libraries);
  const paths = [folder, join(folder, 'swtpm'), join(root.path, 'usr/lib/llvm-19/lib')].join(':');
  const loader = join(folder, 'ld-linux-x86-64.so.2');
  const { stdout } = await run(loader, ['--inhibit-cache', '--library-path', paths, '--list', path]).catch(
    (error: { stdout?: string; stderr?: string }) => ({
      stdout: `${error.stdout ?? ''}${error.stderr ?? ''}`,
    }),
  );
  // The loader also looks into this machine's own folders: what it finds there, the root lacks.
  return stdout.split('\n').some((line) => {
    const [, found] = /^\s*\S+ => (not found|\S+)/.exec(line) ?? [];
    return found !== undefined && !found.startsWith(root.path);
  });
}

async function isElf(path: string): Promise<boolean> {
  // A link to nothing (to another package's program) is no program.
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer, bytesRead } = await file
      .read(Buffer.alloc(4), 0, 4, 0)
      .catch(() => ({ buffer: Buffer.alloc(4), bytesRead: 0 }));
    return bytesRead === 4 && buffer.toString('latin1') === '\x7fELF';
  } finally {
    await file.close();
  }
}

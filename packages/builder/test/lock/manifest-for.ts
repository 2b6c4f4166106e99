import type { Manifest } from '@altee/manifest';

type Part = Pick<Manifest, 'app' | 'kernel' | 'platforms'>;

/** The parts of a manifest that a lock depends on. */
export function manifestFor(
  options: {
    readonly app?: 'build' | 'static';
    readonly packages?: readonly string[];
    readonly line?: string;
    readonly source?: { url: string; sha256: string };
    readonly platforms?: Readonly<Record<string, Partial<Part['platforms'][string]>>>;
  } = {},
): Part {
  const { app = 'build', packages = [], line = 'linux-6.12', source, platforms = { lab: {} } } = options;
  const common = { args: [], env: {}, user: { uid: 1000, gid: 1000 }, workdir: '/', onExit: 'poweroff' };
  const kind =
    app === 'static'
      ? { static: { path: 'hello', sha256: `sha256:${'0'.repeat(64)}` } }
      : { build: { packages: [...packages], source: '.', run: 'true', entrypoint: 'hello' } };
  const full = Object.entries(platforms).map(([name, platform]) => [
    name,
    { kind: 'qemu-tpm', firmware: 'debian', secureBoot: 'off', ...platform },
  ]);
  return {
    app: { ...common, ...kind },
    kernel: {
      line,
      ...(source === undefined ? {} : { source }),
      features: [],
      cmdline: [],
      require: [],
      forbid: [],
    },
    platforms: Object.fromEntries(full),
  } as unknown as Part;
}

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sourceTree } from '../app/source-tree.ts';
import { dataDir } from '../data-dir.ts';
import type { Executor, Root, Step } from '../executor/executor.ts';
import { outputDigest, runStep } from '../executor/run-step.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';

export interface InitContext {
  readonly executor: Executor;
  readonly store: Store;
  /** The lock's root `guest`. */
  readonly root: Root;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** The static program that Linux starts as PID 1. */
export interface BuiltInit {
  /** Path in the store. */
  readonly path: string;
  readonly size: number;
}

/**
 * Reproducible Go: no cgo, no modules, no network, nothing of the host; the lowest x86-64 level. The same code
 * generation as that of ordinary Go programs, which then share most of the run time with PID 1 in the compressed
 * initramfs. (Without inlining PID 1 alone is a tenth smaller, and together with a Go application a quarter larger.)
 */
const GO_ENV: Step['env'] = {
  CGO_ENABLED: '0',
  GO111MODULE: 'off',
  GOAMD64: 'v1',
  GOCACHE: '/build/cache',
  GOFLAGS: '-trimpath -buildvcs=false',
  GOPATH: '/build/go',
  GOTOOLCHAIN: 'local',
};

const LIMITS = { seconds: 1800, outputBytes: 2 ** 31, processes: 4096 } as const;

/** Builds PID 1 from `guest/`, or takes it from the store. Throws what steps throw. */
export async function buildInit(context: InitContext): Promise<BuiltInit> {
  const { executor, store, root } = context;
  const library = await runStep(executor, store, libraryStep(root), context);
  const source = await sourceTree(store, dataDir('guest'), (path) => path.endsWith('_test.go'));
  const step = initStep(root, source, { path: join(library, 'cache'), digest: await outputDigest(library) });
  const path = join(await runStep(executor, store, step, context), 'init');
  return { path, size: (await stat(path)).size };
}

/** What `guest/` imports of the standard library. A package that is not here is compiled with PID 1. */
const IMPORTED = [
  'encoding/binary',
  'errors',
  'io',
  'os/signal',
  'slices',
  'strconv',
  'strings',
  'syscall',
  'time',
];

/** Compiles Go's standard library once for all versions of PID 1. */
function libraryStep(root: Root): Step {
  return {
    name: "Compile Go's library",
    root,
    script: `go build -p "$JOBS" ${IMPORTED.join(' ')}
cp -a "$GOCACHE" "$OUT/cache"
`,
    env: GO_ENV,
    inputs: {},
    limits: LIMITS,
  };
}

function initStep(root: Root, guest: Step['inputs'][string], cache: Step['inputs'][string]): Step {
  return {
    name: 'Build PID 1',
    root,
    script: `cp -a /src/cache "$GOCACHE"
chmod -R u+w "$GOCACHE"
mkdir -p "$GOPATH/src/altee"
cp -a /src/guest "$GOPATH/src/altee/guest"
cd "$GOPATH/src/altee/guest/init"
go build -p "$JOBS" -ldflags '-s -w -buildid=' -o "$OUT/init" .
`,
    env: GO_ENV,
    inputs: { guest, cache },
    limits: LIMITS,
  };
}

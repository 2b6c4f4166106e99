import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Root, Step, StepInput } from '../executor/executor.ts';
import { runStep } from '../executor/run-step.ts';
import { hashFile } from '../store/hash-file.ts';
import { writeAt, writeFileAtomically } from './atomic-file.ts';
import { type ImageContext, stepOptions } from './context.ts';
import { writeCpio } from './cpio.ts';
import type { CpioEntry } from './cpio-entry.ts';

/** What goes into the image besides the kernel. */
export interface InitramfsParts {
  /** The static program that Linux starts as PID 1. */
  readonly init: string;
  /** Its configuration. */
  readonly config: Uint8Array;
  /** The application: entries below `app/`, as `treeEntries(folder, 'app')` gives them. */
  readonly app: readonly CpioEntry[];
}

/** Places inside the image. */
const INIT_PATH = 'init';
const CONFIG_PATH = 'altee/config';
const APP_PATH = 'app';

const directories: Readonly<Record<string, number>> = {
  altee: 0o755,
  [APP_PATH]: 0o755,
  dev: 0o755,
  etc: 0o755,
  proc: 0o555,
  run: 0o755,
  sys: 0o555,
  tmp: 0o1777,
};

/**
 * The last file of the archive. Linux unpacks an archive that is too large for the memory as far as it gets, says so in
 * one line, and boots on; it sets a file's size before its content. PID 1 looks for this file to know that all
 * before it is whole.
 */
export const lastEntry = {
  kind: 'file',
  path: 'whole',
  mode: 0o400,
  source: new TextEncoder().encode('whole\n'),
} as const satisfies CpioEntry;

/** Every entry of an image's initramfs. Only root, that is PID 1, may read PID 1 and its configuration. */
export function initramfsEntries({ init, config, app }: InitramfsParts): CpioEntry[] {
  return [
    ...Object.entries(directories).map(([path, mode]) => ({ kind: 'directory', path, mode }) as const),
    // Linux opens it as PID 1's standard streams before anything is mounted.
    { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    // Go's run time opens it before main() where a standard stream is missing, and gives up if it can't.
    { kind: 'character-device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 },
    { kind: 'file', path: INIT_PATH, mode: 0o500, source: init },
    { kind: 'file', path: CONFIG_PATH, mode: 0o400, source: config },
    ...app,
    lastEntry,
  ];
}

export interface Initramfs {
  /** The compressed archive, in the store. */
  readonly path: string;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
  readonly size: number;
  /** Bytes of the archive; unpacked it takes about as much memory. */
  readonly unpackedBytes: number;
}

/** Writes the archive and compresses it. Throws as `writeCpio` and `runStep` do. */
export async function buildInitramfs(
  context: ImageContext,
  entries: readonly CpioEntry[],
): Promise<Initramfs> {
  const { executor, store, root } = context;
  const temporary = await store.tempDir();
  try {
    const archive = await writeArchive(entries, join(temporary.path, 'initramfs.cpio'));
    const step = compressStep(root, archive);
    const path = join(await runStep(executor, store, step, stepOptions(context)), 'initrd');
    return { path, ...(await hashFile(path)), unpackedBytes: archive.size };
  } finally {
    await temporary.dispose();
  }
}

async function writeArchive(
  entries: readonly CpioEntry[],
  path: string,
): Promise<StepInput & { readonly size: number }> {
  const hash = createHash('sha256');
  const size = await writeFileAtomically(path, async (file) => {
    let position = 0;
    for await (const chunk of writeCpio(entries)) {
      hash.update(chunk);
      position = await writeAt(file, chunk, position);
    }
    return position;
  });
  return { path, digest: `sha256:${hash.digest('hex')}`, size };
}

/**
 * Compresses the archive. zstd is the only decompressor in our kernels. One frame over PID 1 and application
 * together: both being Go programs they share the run time, which saves a third against a frame each. Level 19
 * with the strategy of level 17 and a shorter search is 0.8 % larger than plain level 19 and takes two thirds of the
 * time; level 22 saves 0.02 % and takes up to 128 MiB of memory at boot for its window. The number of threads has
 * no influence on the bytes as long as it isn't `--single-thread`.
 */
function compressStep(root: Root, archive: StepInput): Step {
  return {
    name: 'Compress the initramfs',
    root,
    script: 'zstd -q -19 --zstd=strat=7,slog=4 -T"$JOBS" /src/initramfs.cpio -o "$OUT/initrd"',
    env: {},
    inputs: { 'initramfs.cpio': archive },
    limits: { seconds: 1800, outputBytes: 2 ** 32, processes: 256 },
  };
}

import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { OUT_PATH, WORK_PATH } from '../environment.ts';
import { LineSplitter } from '../lines.ts';
import { type Engine, runCommand } from './command.ts';
import { createContainer, removeContainer } from './container.ts';

/** Most steps are over before anybody need look. */
const FIRST_LOOK_MS = 3000;
const PAUSE_SECONDS = 5;
/** A step is stopped before it leaves the engine's disk less than this; others work there too. */
const SPARE_DISK_BYTES = 256 * 2 ** 20;
/** What an entry counts at least, as in `folderBytes`. */
const ENTRY_BYTES = 512;

/** Bytes and entries of $OUT, and the bytes that are left on the disk under it, a line every few seconds. */
const WATCH_SCRIPT = `while :; do
  bytes=$(du -s --block-size=1 ${OUT_PATH} 2> /dev/null) || :
  entries=$(du -s --inodes ${OUT_PATH} 2> /dev/null) || :
  free=$(df --output=avail --block-size=1 ${WORK_PATH} | tail -n 1)
  echo "\${bytes%%[!0-9]*} \${entries%%[!0-9]*} $free"
  sleep ${PAUSE_SECONDS}
done`;

export interface Watched {
  readonly engine: Engine;
  readonly image: string;
  /** Id of the step's container. */
  readonly container: string;
  readonly outputBytes: number;
  /** For how long the step may run. */
  readonly seconds: number;
}

/**
 * A guard that watches a step's output and the disk of the engine's machine, which this one may not see: a second
 * container has the step's volumes, read-only, and counts. (In the step's own container the counting would be a process
 * that the step sees.) What it can't count is counted when the output is read.
 */
export function diskWatch({ engine, image, container, outputBytes, seconds }: Watched) {
  return async (stop: AbortSignal): Promise<'output-size' | 'engine-disk-full' | undefined> => {
    await delay(FIRST_LOOK_MS, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return undefined;
    let watcher: string | undefined;
    let reason: 'output-size' | 'engine-disk-full' | undefined;
    const enough = new AbortController();
    try {
      watcher = await createContainer(
        engine,
        image,
        ['--volumes-from', `${container}:ro`],
        ['/bin/sh', '-c', WATCH_SCRIPT],
        seconds,
      );
      const lines = new LineSplitter((line) => {
        const [bytes = 0, entries = 0, free] = line.trim().split(/ +/).map(Number);
        if (Math.max(bytes, entries * ENTRY_BYTES) > outputBytes) reason = 'output-size';
        else if (free !== undefined && free < SPARE_DISK_BYTES) reason = 'engine-disk-full';
        if (reason !== undefined) enough.abort();
      });
      await runCommand(engine, ['start', '--attach', watcher], {
        signal: AbortSignal.any([stop, enough.signal]),
        onOutput: (output) => eachChunk(output, (chunk) => lines.push(chunk)),
      });
    } catch {
      // Stopped, or the engine would not: the output is counted again at its end.
    } finally {
      if (watcher !== undefined) await removeContainer(engine, watcher).catch(() => {});
    }
    return reason;
  };
}

async function eachChunk(output: Readable, take: (chunk: Uint8Array) => void): Promise<void> {
  for await (const chunk of output) take(chunk as Uint8Array);
}

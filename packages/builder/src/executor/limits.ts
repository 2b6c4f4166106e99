import { lstat, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A step is stopped before it leaves the file system less than this; others work there too. */
const SPARE_DISK_BYTES = 256 * 2 ** 20;
const POLL_MS = 1000;

/**
 * Bytes that the files under a folder hold on disk, sparse files counted by their blocks, each hard link once
 * more. Stops counting above `enough`. Folders that vanish or close meanwhile count nothing.
 */
export async function folderBytes(folder: string, enough = Number.POSITIVE_INFINITY): Promise<number> {
  let total = 0;
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined && total <= enough; next = pending.pop()) {
    try {
      for await (const entry of await opendir(next)) {
        const path = join(next, entry.name);
        const stat = await lstat(path);
        total += Math.max(stat.blocks * 512, stat.isDirectory() ? 0 : ENTRY_BYTES);
        if (stat.isDirectory()) pending.push(path);
        if (total > enough) break;
      }
    } catch {
      // The step is at work in there; what is left at its end is counted again.
    }
  }
  return total;
}

/** What an empty file or link counts, so that a flood of them meets the bound as well. */
const ENTRY_BYTES = 512;

/** A guard that watches the step's output folder and the free space of the file system it works on. */
export function diskGuard(outDir: string, workDir: string, outputBytes: number) {
  return async (stop: AbortSignal): Promise<'output-size' | 'disk-full' | undefined> => {
    let pause = POLL_MS;
    while (!stop.aborted) {
      await delay(pause, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return undefined;
      const began = performance.now();
      if ((await folderBytes(outDir, outputBytes)) > outputBytes) return 'output-size';
      const disk = await statfs(workDir);
      if (disk.bavail * disk.bsize < SPARE_DISK_BYTES) return 'disk-full';
      // A large tree is walked less often: at most a twentieth of the time.
      pause = Math.max(POLL_MS, 20 * (performance.now() - began));
    }
    return undefined;
  };
}

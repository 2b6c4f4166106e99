import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { timeAltee, withHelloCopy } from './altee-command.ts';
import type { Benchmark } from './benchmark.ts';
import { median, repeat } from './timing.ts';

/** `altee build` after a change of the application's source that changes its executable. */
export const app: Benchmark = {
  name: 'app',
  title: '"altee build examples/hello" after a change of its source, with a warm cache',
  isSlow: false,
  run: ({ runs, say }) =>
    withHelloCopy(async (folder) => {
      const manifest = join(folder, 'altee.yaml');
      say('Building once, so that the cache is warm');
      await timeAltee(['build', manifest]);
      const samples = await repeat(runs, async () => {
        await changeSource(folder);
        return timeAltee(['build', manifest]);
      });
      const reached = `${median(samples).seconds.toFixed(2)} s`;
      return {
        measurements: [{ label: 'altee build', samples }],
        targets: [{ label: 'application alone', reached, wanted: 'at most 3 s' }],
      };
    }),
};

/** A comment would not do: the compiler drops it, and what follows in the build is then in the store already. */
async function changeSource(folder: string): Promise<void> {
  const text = `package main\n\nfunc init() { println("${randomUUID()}") }\n`;
  await writeFile(join(folder, 'src', 'changed.go'), text);
}

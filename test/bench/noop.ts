import { join } from 'node:path';
import { timeAltee, withHelloCopy } from './altee-command.ts';
import type { Benchmark } from './benchmark.ts';
import { median, repeat } from './timing.ts';

/** `altee build` of what is built already. */
export const noop: Benchmark = {
  name: 'noop',
  title: '"altee build examples/hello" with nothing to do',
  isSlow: false,
  run: ({ runs, say }) =>
    withHelloCopy(async (folder) => {
      const manifest = join(folder, 'altee.yaml');
      say('Building once, so that there is nothing to do');
      await timeAltee(['build', manifest]);
      const version = {
        label: 'altee --version',
        samples: await repeat(runs, () => timeAltee(['--version'])),
      };
      const build = {
        label: 'altee build',
        samples: await repeat(runs, () => timeAltee(['build', manifest])),
      };
      const reached = `${median(build.samples).seconds.toFixed(2)} s`;
      return {
        measurements: [version, build],
        targets: [{ label: 'nothing to do', reached, wanted: 'at most 1 s' }],
      };
    }),
};

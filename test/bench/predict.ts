import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assembleUki } from '../../packages/builder/src/image/uki.ts';
import { buildImage } from '../../packages/builder/src/image-parts.ts';
import { checkFileInPackage } from '../../packages/builder/src/root-file.ts';
import { exampleContext } from '../support/context.ts';
import { judgesRoot } from '../support/judges.ts';
import { timeAltee, withTempDir } from './altee-command.ts';
import type { Benchmark } from './benchmark.ts';
import { ratioText, total } from './print-result.ts';
import { repeat, timeCommand } from './timing.ts';

const MIB = 2 ** 20;
const IMAGE_MIB = 64;
const BANKS = ['sha1', 'sha256', 'sha384', 'sha512'] as const;

/** Predicting a large image in four banks, against hashing it once in each with OpenSSL's own command. */
export const predict: Benchmark = {
  name: 'predict',
  title: `"altee measure" of an EFI image of ${IMAGE_MIB} MiB in four banks`,
  isSlow: false,
  run: ({ runs, say }) =>
    withTempDir(async (dir) => {
      say('Making the image');
      const { file, sections } = await makeLargeImage(dir);
      // A store of its own each time, so that nothing of an earlier run is there to be taken.
      let count = 0;
      const measured = () => timeAltee(['measure', file], { ALTEE_CACHE: join(dir, `store${count++}`) });
      const altee = { label: 'altee measure', samples: await repeat(runs, measured) };
      const version = {
        label: 'altee --version',
        samples: await repeat(runs, () => timeAltee(['--version'])),
      };
      const digests = [];
      for (const bank of BANKS) {
        const timed = () => timeCommand({ command: ['openssl', 'dgst', `-${bank}`, file] });
        digests.push({ label: bank, samples: await repeat(runs, timed) });
      }
      const openssl = total('openssl dgst, once in each bank', digests);
      const { path } = await judgesRoot((await exampleContext('hello')).workshop);
      const loader = join(path, 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2');
      const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/systemd']
        .map((folder) => join(path, folder))
        .join(':');
      const measure = [
        loader,
        '--library-path',
        libraries,
        join(path, 'usr/lib/systemd/systemd-measure'),
      ] as const;
      const options = Object.entries(sections).map(([name, section]) => `--${name}=${section}`);
      const banks = BANKS.map((bank) => `--bank=${bank}`);
      const systemd = {
        label: 'systemd-measure calculate',
        samples: await repeat(runs, () =>
          timeCommand({ command: [...measure, 'calculate', ...options, ...banks] }),
        ),
      };
      return {
        measurements: [altee, version, openssl, systemd],
        targets: [
          { label: 'against openssl', reached: ratioText(altee, openssl), wanted: 'at most 1.5 ×' },
          { label: 'against systemd-measure', reached: ratioText(altee, systemd), wanted: 'at most 1 ×' },
        ],
      };
    }),
};

/** hello's image with an initrd that fills it up, and the files of its sections. */
async function makeLargeImage(dir: string): Promise<{ file: string; sections: Record<string, string> }> {
  const context = await exampleContext('hello');
  const { kernel } = await buildImage(context);
  const { executor, lock, roots, workshop } = context;
  const root = await roots.get('image');
  const initrd = join(dir, 'initrd');
  await writeFile(initrd, randomBytes(60 * MIB));
  const osRelease = 'ID=bench\n';
  const uki = await assembleUki(
    { executor, root, ...workshop },
    {
      stub: await checkFileInPackage(root, lock.stub),
      kernel: kernel.bzImage,
      initrd,
      osRelease,
      cmdline: kernel.cmdline,
    },
  );
  const sections = {
    linux: kernel.bzImage,
    initrd,
    osrel: join(dir, 'osrel'),
    cmdline: join(dir, 'cmdline'),
  };
  await writeFile(sections.osrel, osRelease);
  await writeFile(sections.cmdline, kernel.cmdline);
  return { file: uki.path, sections };
}

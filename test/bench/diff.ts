import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assembleUki } from '../../packages/builder/src/image/uki.ts';
import { buildImage } from '../../packages/builder/src/image-parts.ts';
import { checkFileInPackage } from '../../packages/builder/src/root-file.ts';
import { makeCpio } from '../../packages/measure/test/diff/make-cpio.ts';
import { exampleContext } from '../support/context.ts';
import { withTempDir } from './altee-command.ts';
import type { Benchmark } from './benchmark.ts';
import { median, repeat, timeCommand } from './timing.ts';

const MIB = 2 ** 20;

/** What fills the initrd: nothing that compresses, and programs, whose content is three times as large. */
const fillings = [
  { label: 'random bytes', make: async () => randomBytes(60 * MIB) },
  { label: 'programs', make: async () => repeatTo(await readFile(process.execPath), 170 * MIB) },
] as const;

/** `altee diff` of two large images of which one byte in the initramfs differs. */
export const diff: Benchmark = {
  name: 'diff',
  title: '"altee diff" of two EFI images of 64 MiB',
  isSlow: false,
  run: ({ runs, say }) =>
    withTempDir(async (dir) => {
      const measurements = [];
      const targets = [];
      for (const { label, make } of fillings) {
        say(`Making two images of ${label}`);
        const [a, b] = await makePair(dir, await make());
        const samples = await repeat(runs, () => timeDifferent(['diff', a, b]));
        measurements.push({ label: `altee diff, ${label}`, samples });
        const size = ((await readFile(a)).length / MIB).toFixed(0);
        const reached = `${median(samples).seconds.toFixed(2)} s`;
        targets.push({ label: `two images of ${size} MiB, ${label}`, reached, wanted: 'at most 2 s' });
      }
      return { measurements, targets };
    }),
};

/** Exit code 3 is the answer that is expected. */
function timeDifferent(args: readonly string[]) {
  return timeCommand({
    command: ['sh', '-c', '"$@" > /dev/null; test $? -eq 3', 'sh', process.execPath, ALTEE, ...args],
  });
}

const ALTEE = new URL('../../packages/cli/bin/altee.js', import.meta.url).pathname;

async function makePair(dir: string, filling: Uint8Array): Promise<[a: string, b: string]> {
  const context = await exampleContext('hello');
  const { kernel } = await buildImage(context);
  const { executor, lock, roots, workshop } = context;
  const root = await roots.get('image');
  const make = async (name: string, byte: number): Promise<string> => {
    filling[Math.floor(filling.length / 2)] = byte;
    const archive = join(dir, `${name}.cpio`);
    await writeFile(archive, makeCpio([{ name: 'init' }, { name: 'app/data', data: filling }]));
    await timeCommand({ command: ['zstd', '-q', '-f', '-3', '-T0', archive, '-o', `${archive}.zst`] });
    const parts = {
      stub: await checkFileInPackage(root, lock.stub),
      kernel: kernel.bzImage,
      initrd: `${archive}.zst`,
      osRelease: 'ID=bench\n',
      cmdline: kernel.cmdline,
    };
    return (await assembleUki({ executor, root, ...workshop }, parts)).path;
  };
  return [await make('a', 1), await make('b', 2)];
}

/** The content again and again; it is larger than what zstd looks back at. */
function repeatTo(content: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += content.length) bytes.set(content.subarray(0, size - at), at);
  return bytes;
}

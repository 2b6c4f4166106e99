import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentReporter } from '@altee/builder';
import { readPe } from '@altee/measure';
import { buildAll } from '../../packages/builder/src/build.ts';
import { exampleManifest } from '../support/examples.ts';
import type { Benchmark } from './benchmark.ts';

/** Bytes of the image and of its sections. */
export const size: Benchmark = {
  name: 'size',
  title: 'bytes of hello.efi and of its sections',
  isSlow: false,
  run: async ({ say }) => {
    say('Building');
    const { dist } = await buildAll({
      manifestFile: exampleManifest('hello'),
      frozen: true,
      offline: false,
      vendorDirs: [],
      reporter: silentReporter,
    });
    const image = await readFile(join(dist.outDir, 'hello.efi'));
    const { sections } = readPe(image);
    const facts = sections.map(({ name, virtualSize }) => ({
      label: name,
      value: String(virtualSize).padStart(9),
    }));
    return {
      facts: [...facts, { label: 'hello.efi', value: String(image.length).padStart(9) }],
      targets: [
        { label: 'image', reached: `${(image.length / 1e6).toFixed(2)} MB`, wanted: 'at most 5.0 MB' },
      ],
    };
  },
};

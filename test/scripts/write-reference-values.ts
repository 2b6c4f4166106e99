/**
 * Writes the reference values of the examples, `examples/<name>/reference-values.json`, from a build of each.
 * Run by `npm run reference-values` after a change that is meant to move them; the diff is the review.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, silentReporter } from '@altee/builder';
import { exampleFolder, exampleManifest, examples } from '../support/examples.ts';

for (const name of examples) {
  const { outDir } = await build({
    manifestFile: exampleManifest(name),
    frozen: true,
    offline: false,
    vendorDirs: [],
    reporter: silentReporter,
  });
  await copyFile(join(outDir, 'measurements.json'), join(exampleFolder(name), 'reference-values.json'));
  process.stdout.write(`${name}: written\n`);
}

import { type CacheFormat, cacheFormats, exportCache, importCache } from '@altee/builder';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { formatBytes } from '../report/terminal-text.ts';
import { withSession } from '../session.ts';

interface ExportCliOptions {
  readonly to: string;
  readonly format: CacheFormat;
  readonly roots?: boolean;
  readonly mostMegabytes: number;
}

/** `altee cache export`: build outputs as a folder that another machine imports. */
export function addCacheExport(cache: Command): void {
  cache
    .command('export')
    .argument('[manifest]', 'an altee.yaml: only what its build uses')
    .description('write build outputs, by content, for another machine')
    .option('--to <dir>', 'the folder to write', 'altee-cache')
    .addOption(
      new Option('--format <name>', "altee's own folder, or an OCI image layout, which registries carry")
        .choices(cacheFormats)
        .default('folder'),
    )
    .option('--roots', 'root file systems too, which each machine can unpack from the packages itself')
    .option('--most-megabytes <MB>', 'leave out larger trees, such as a kernel source', megabytes, 256)
    .addHelpText(
      'after',
      `
Examples:
  altee cache export altee.yaml --to hello-cache
  altee cache export --format oci --to cache.oci
  skopeo copy --all oci:cache.oci:altee-cache docker://registry.example/altee-cache`,
    )
    .action(async (manifestFile: string | undefined, options: ExportCliOptions, command: Command) => {
      await withSession(command, async ({ reporter, signal, print, printJson }) => {
        const result = await exportCache({
          reporter,
          signal,
          to: options.to,
          format: options.format,
          roots: options.roots === true,
          mostBytes: options.mostMegabytes * 1e6,
          ...(manifestFile === undefined ? {} : { manifestFile }),
        });
        print(`${result.to}: ${result.entries.length} entries, ${formatBytes(result.bytes)}`);
        for (const { name, bytes } of result.leftOut)
          print(`  left out: ${name.slice(0, 23)}…, ${formatBytes(bytes)}`);
        printJson(result);
      });
    });
}

/** `altee cache import`: takes them into the store, verified and marked. */
export function addCacheImport(cache: Command, done: (exitCode: number) => void): void {
  cache
    .command('import')
    .argument('<dir>', 'what "altee cache export" wrote, in either format')
    .description('take build outputs of another machine into the store')
    .addHelpText(
      'after',
      `
Example:
  altee cache import hello-cache

Digests are verified, but only a build can tell that an output is what its key stands for: import from whom you
trust. An audit never uses what was imported. Exit code 3: an entry was made otherwise here; nothing came in.`,
    )
    .action(async (from: string, _options: object, command: Command) => {
      await withSession(command, async ({ reporter, signal, print, printJson }) => {
        const result = await importCache({ reporter, signal, from });
        if (result.differing.length === 0)
          print(`Imported ${result.imported.length} entries; ${result.present.length} were here already`);
        else print(`Nothing imported: ${result.differing.length} entries were made otherwise here`);
        for (const { name, here, there } of result.differing) {
          print(`  ${name}`);
          print(`    here:  ${here}`);
          print(`    there: ${there}`);
        }
        printJson(result);
        done(result.differing.length === 0 ? EXIT.done : EXIT.no);
      });
    });
}

function megabytes(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Must be a number above 0.');
  return value;
}

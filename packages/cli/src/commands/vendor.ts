import { vendorProject } from '@altee/builder';
import type { Command } from 'commander';
import { formatBytes } from '../report/terminal-text.ts';
import { withSession } from '../session.ts';
import { addOriginOptions, type OriginCliOptions } from './options.ts';

interface VendorCliOptions extends OriginCliOptions {
  readonly out: string;
}

/** `altee vendor`: every byte that the lock names, in one bundle. */
export function addVendor(program: Command): void {
  addOriginOptions(
    program
      .command('vendor')
      .argument('<manifest>', 'the altee.yaml, with its lock beside it')
      .description('write every byte that the lock names into one bundle, to build from without network')
      .requiredOption('--out <path>', 'what to write: a tar where it ends in .tar, else a folder'),
  )
    .addHelpText(
      'after',
      `
Examples:
  altee vendor altee.yaml --out hello.vendor.tar
  altee build altee.yaml --frozen --offline --vendor hello.vendor.tar

The same lock gives the same bundle, byte for byte.`,
    )
    .action(async (manifestFile: string, options: VendorCliOptions, command: Command) => {
      await withSession(command, async ({ reporter, signal, print, printJson }) => {
        const result = await vendorProject({
          manifestFile,
          reporter,
          signal,
          out: options.out,
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
        });
        print(`${result.out}: ${result.files} files, ${formatBytes(result.bytes)}`);
        if (result.sha256 !== undefined) print(`  ${result.sha256}`);
        printJson(result);
      });
    });
}

import { printable, updateLock } from '@altee/builder';
import type { Command } from 'commander';
import { withSession } from '../session.ts';
import { addOriginOptions, type OriginCliOptions } from './options.ts';

interface LockCliOptions extends OriginCliOptions {
  readonly update?: boolean;
}

/** `altee lock`: writes or renews altee.lock and prints what moved. */
export function addLock(program: Command): void {
  addOriginOptions(
    program
      .command('lock')
      .argument('<manifest>', 'the altee.yaml')
      .description('resolve packages, kernel and firmware, and pin every byte in altee.lock')
      .option('--update', 'take the newest versions, and print what moved'),
  )
    .addHelpText('after', '\nExample:\n  altee lock --update examples/hello/altee.yaml')
    .action(async (manifestFile: string, options: LockCliOptions, command: Command) => {
      await withSession(command, async ({ reporter, signal, print, printJson }) => {
        const result = await updateLock({
          manifestFile,
          reporter,
          signal,
          update: options.update === true,
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
        });
        print(result.written ? `Wrote ${result.lockFile}` : `${result.lockFile} is up to date`);
        for (const line of result.moved) print(`  ${printable(line)}`);
        printJson(result);
      });
    });
}

import { build } from '@altee/builder';
import type { Command } from 'commander';
import { formatBytes } from '../report/terminal-text.ts';
import { withSession } from '../session.ts';
import {
  addOriginOptions,
  type ExecutorCliOptions,
  executorOption,
  type OriginCliOptions,
} from './options.ts';

interface BuildCliOptions extends OriginCliOptions, ExecutorCliOptions {
  readonly out?: string;
  readonly frozen?: boolean;
  readonly signed?: string;
}

/** `altee build`: manifest and lock to image, disk and measurements. */
export function addBuild(program: Command): void {
  addOriginOptions(
    program
      .command('build')
      .argument('<manifest>', 'the altee.yaml')
      .description('build the image and predict its measurements')
      .option('--out <dir>', 'where to write (default: dist/<name> beside the manifest)')
      .addOption(executorOption())
      .option('--signed <file>', 'take the built image as your own tool signed it; nothing else may differ')
      .option('--frozen', 'fail rather than write or change the lock'),
  )
    .addHelpText(
      'after',
      `
Examples:
  altee build examples/hello/altee.yaml
  altee build altee.yaml --executor docker
  sbsign --key db.key --cert db.pem --output signed.efi dist/hello/hello.efi
  altee build altee.yaml --signed signed.efi`,
    )
    .action(async (manifestFile: string, options: BuildCliOptions, command: Command) => {
      await withSession(command, async ({ reporter, signal, print, printJson }) => {
        const result = await build({
          manifestFile,
          reporter,
          signal,
          ...(options.out === undefined ? {} : { outDir: options.out }),
          frozen: options.frozen === true,
          ...(options.signed === undefined ? {} : { signedImage: options.signed }),
          ...(options.executor === undefined ? {} : { executor: options.executor }),
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
        });
        print(`${result.outDir}${result.changed ? '' : ' (unchanged)'}`);
        const width = Math.max(...result.files.map((file) => file.name.length));
        for (const file of result.files) {
          print(
            `  ${file.name.padEnd(width)}  ${formatBytes(file.size).padStart(9)}  ${file.sha256.slice(0, 16)}…`,
          );
        }
        printJson(result);
      });
    });
}

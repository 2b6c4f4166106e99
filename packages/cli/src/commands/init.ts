import { initProject, printable } from '@altee/builder';
import type { Command } from 'commander';
import { withSession } from '../session.ts';

interface InitCliOptions {
  readonly name?: string;
  readonly static?: string;
}

/** `altee init`: a working project for a static binary or a build recipe. */
export function addInit(program: Command): void {
  program
    .command('init')
    .argument('[folder]', 'where to make it', '.')
    .description('make a project: a small Go program, or a manifest for a static binary')
    .option('--name <name>', "the image's name (default: the folder's)")
    .option('--static <file>', 'package this static x86-64 executable instead of building one')
    .addHelpText(
      'after',
      '\nExamples:\n  altee init signer\n  altee init signer --static ./signer-linux-amd64',
    )
    .action(async (folder: string, options: InitCliOptions, command: Command) => {
      await withSession(command, async ({ print, printJson }) => {
        const result = await initProject({
          folder,
          ...(options.name === undefined ? {} : { name: options.name }),
          ...(options.static === undefined ? {} : { staticBinary: options.static }),
        });
        for (const file of result.files) print(`Wrote ${printable(file)}`);
        print(`Next: altee build ${shellWord(result.manifestFile)}`);
        printJson(result);
      });
    });
}

/** A word as a shell reads it (POSIX.1-2024 §2.2.2), quoted only where it must be. */
function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

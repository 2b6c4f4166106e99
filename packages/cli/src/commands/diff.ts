import { writeFile } from 'node:fs/promises';
import { type DiffResult, diffFiles } from '@altee/builder';
import { differencePageHtml } from '@altee/measure';
import type { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { differenceLines, sourceTexts, verdictText } from '../report/difference.ts';
import { styler } from '../report/style.ts';
import { type Session, withSession } from '../session.ts';
import { addOriginOptions, type OriginCliOptions } from './options.ts';

interface DiffCliOptions extends OriginCliOptions {
  readonly platformFile?: string;
  readonly platform?: string;
  readonly html?: string;
  readonly diffoscope?: boolean;
  readonly full?: boolean;
}

/** `altee diff`: how two images, disks or releases differ, and which registers move. */
export function addDiff(program: Command, done: (exitCode: number) => void): void {
  addOriginOptions(
    program
      .command('diff')
      .argument('<a>', 'an EFI image, a disk, or a results or release folder')
      .argument('<b>', 'another one')
      .description('tell how two images, disks or releases differ, and which registers move')
      .option('--platform-file <file>', 'a manifest or platform file: the machines to compute registers for')
      .option('--platform <name>', 'one of its platforms (default: all)')
      .option('--html <file>', 'write everything as one page, too')
      .option('--diffoscope', 'ask diffoscope, too, where it is installed')
      .option('--full', 'show values, lines and parts in full'),
  )
    .addHelpText(
      'after',
      `
Examples:
  altee diff old/hello.efi new/hello.efi
  altee diff release-1 release-2 --html differences.html
  altee diff a.disk b.disk --platform-file altee.yaml

Exit codes: 0 equal, 3 different, 2 bad input. Folders that hold an altee.yaml each need no --platform-file.`,
    )
    .action(async (a: string, b: string, options: DiffCliOptions, command: Command) => {
      await withSession(command, async (session) => {
        const { reporter, signal, print, printJson } = session;
        const result = await diffFiles({
          a,
          b,
          reporter,
          signal,
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
          ...(options.platformFile !== undefined && { platformFile: options.platformFile }),
          ...(options.platform !== undefined && { platform: options.platform }),
          ...(options.diffoscope === true && { diffoscope: true }),
        });
        for (const line of differenceLines(result, options.full === true, styler(process.stdout)))
          print(line);
        printDiffoscope(result, session);
        printJson(resultJson(result));
        if (options.html !== undefined) await writeFile(options.html, pageOf(result));
        done(result.difference ? EXIT.no : EXIT.done);
      });
    });
}

function printDiffoscope({ diffoscope }: DiffResult, { reporter, print }: Session): void {
  if (!diffoscope) return;
  if (!diffoscope.isPresent)
    reporter.warn('diffoscope is not installed; what stands above is altee’s own comparison');
  else print(diffoscope.isEqual ? '\ndiffoscope: equal' : `\ndiffoscope:\n${diffoscope.text}`);
}

function resultJson({ a, b, difference, moves, diffoscope }: DiffResult): unknown {
  return {
    a,
    b,
    isEqual: difference === undefined,
    ...(difference && { difference }),
    ...(moves && { registers: { ...moves, text: verdictText(moves) } }),
    ...(diffoscope && { diffoscope }),
  };
}

function pageOf({ a, b, difference, moves }: DiffResult): string {
  return differencePageHtml({
    a,
    b,
    difference,
    verdict: moves ? verdictText(moves) : 'No register moves',
    machines: (moves?.platforms ?? []).map(({ platform, source, registers }) => ({
      title: `${platform}: ${sourceTexts[source]}`,
      registers,
    })),
    notes: moves?.notes ?? [],
  });
}

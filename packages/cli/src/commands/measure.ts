import { hasFailed, type MeasureResult, measureFile, printable } from '@altee/builder';
import { type HashName, hashNames, predictionToJson } from '@altee/measure';
import { type Command, Option } from 'commander';
import { exitCodeOf } from '../exit-code.ts';
import { errorJson, errorText } from '../report/print-error.ts';
import { registerLines, shownBank } from '../report/registers-table.ts';
import { styler } from '../report/style.ts';
import { withSession } from '../session.ts';
import {
  addOriginOptions,
  type ExecutorCliOptions,
  executorOption,
  type OriginCliOptions,
} from './options.ts';

interface MeasureCliOptions extends OriginCliOptions, ExecutorCliOptions {
  readonly platform?: string;
  readonly platformFile?: string;
  readonly bank?: HashName;
  readonly events?: boolean;
  readonly full?: boolean;
  readonly frozen?: boolean;
  readonly runFirmware?: boolean;
}

/** `altee measure`: what each platform will measure, before any boot. */
export function addMeasure(program: Command, done: (exitCode: number) => void): void {
  addOriginOptions(
    program
      .command('measure')
      .argument('<file>', 'an altee.yaml, an EFI image, or a raw disk')
      .description('predict what a TPM, a TDX module or an SEV-SNP processor will measure')
      .option('--platform <name>', 'one platform (default: all of them)')
      .option(
        '--platform-file <file>',
        'for an image or a disk: a manifest or platform file with the machines',
      )
      .addOption(
        new Option('--bank <name>', 'the bank to show (default: sha256, or the only one)').choices(hashNames),
      )
      .option('--events', 'show each event with its source')
      .option('--full', 'show values in full')
      .option(
        '--run-firmware',
        'where PCR 0 has no static answer, take what the firmware measures in a run of its own',
      )
      .addOption(executorOption())
      .option('--frozen', 'fail rather than write or change the lock'),
  )
    .addHelpText(
      'after',
      `
Examples:
  altee measure examples/hello/altee.yaml
  altee measure hello.efi --platform-file examples/hello/altee.yaml --events

Status: "predicted" values may be pinned. "assumed" ones rest on a rule that was read in source and not compared with a
machine. "host-dependent" says which fact is missing, "unpredictable" why no value can be known before a boot. A platform
that cannot be predicted does not keep the others from it; the exit code tells.`,
    )
    .action(async (file: string, options: MeasureCliOptions, command: Command) => {
      await withSession(command, async ({ reporter, signal, print, printJson }) => {
        const result = await measureFile({
          file,
          reporter,
          signal,
          frozen: options.frozen === true,
          runFirmware: options.runFirmware === true,
          ...(options.executor === undefined ? {} : { executor: options.executor }),
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
          ...(options.platform === undefined ? {} : { platform: options.platform }),
          ...(options.platformFile === undefined ? {} : { platformFile: options.platformFile }),
        });
        for (const line of resultLines(result, options)) print(line);
        printJson(resultJson(result));
        const failed = [...result.platforms.values()].find(hasFailed);
        if (failed) done(exitCodeOf(failed.error));
      });
    });
}

function resultLines(
  { image, platforms, fragile, isKnown }: MeasureResult,
  options: MeasureCliOptions,
): string[] {
  const paint = styler(process.stdout);
  const lines = [`${printable(image.file)}: EFI image ${image.sha256}`];
  for (const [name, measured] of platforms) {
    if ('unsupported' in measured) {
      lines.push('', `${name} (${measured.kind}): ${printable(measured.unsupported)}`);
      if (hasFailed(measured)) lines.push(...errorText(measured.error, false).split('\n').slice(1));
      continue;
    }
    const { prediction } = measured;
    const bank = shownBank(prediction, options.bank);
    const shown = bank ? `values in ${bank.toUpperCase()}` : `no ${options.bank} values here`;
    const kind = isKnown ? measured.kind : 'a TPM 2.0 of which nothing is known';
    lines.push('', `${paint('bold', name)} (${kind}), ${shown}`);
    lines.push(
      ...registerLines(
        prediction,
        { bank: options.bank, events: options.events === true, full: options.full === true },
        paint,
      ),
    );
    for (const { register, fact, why, advice } of fragile.get(name) ?? [])
      lines.push(paint('yellow', `! ${register} is fragile: ${fact}`), `    ${why}`, `    → ${advice}`);
  }
  return lines;
}

function resultJson({ image, platforms, fragile }: MeasureResult): unknown {
  const entries = [...platforms].map(([name, measured]) => {
    if ('prediction' in measured)
      return [name, { kind: measured.kind, ...predictionToJson(measured.prediction) }];
    return [name, hasFailed(measured) ? { ...measured, ...errorJson(measured.error) } : measured];
  });
  return {
    apiVersion: 'altee/measurements/v1',
    image,
    platforms: Object.fromEntries(entries),
    fragile: Object.fromEntries(fragile),
  };
}

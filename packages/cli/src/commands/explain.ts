import { basename } from 'node:path';
import { type ExplainResult, explainEventLog, writeOutput } from '@altee/builder';
import { explanationPageHtml, type HashName, hashNames } from '@altee/measure';
import { type Command, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { eventLines, logLines, quoteLines } from '../report/events.ts';
import { explanationLines } from '../report/explanation.ts';
import { explanationJson } from '../report/explanation-json.ts';
import { styler } from '../report/style.ts';
import { withSession } from '../session.ts';

interface ExplainCliOptions {
  readonly against?: string;
  readonly platform?: string;
  readonly pcrs?: string;
  readonly quote?: string;
  readonly html?: string;
  readonly bank?: HashName;
  readonly events?: boolean;
  readonly full?: boolean;
  readonly details?: boolean;
}

/** `altee explain`: what an event log says, how far it is to be trusted, and where it parts from a prediction. */
export function addExplain(program: Command, done: (exitCode: number) => void): void {
  program
    .command('explain')
    .argument('<log>', 'an event log: of a TPM, of a confidential VM (CCEL), or canonical')
    .description('decode and replay an event log, and name the first event that was not predicted')
    .option('--against <file>', 'the measurements.json to compare with, or its folder')
    .option('--platform <name>', 'one of its platforms (default: the only one that fits)')
    .option('--pcrs <file>', 'PCR values of the machine: from tpm2_pcrread, as JSON, or a line for each')
    .option('--quote <file>', 'a TDX quote of the machine (binary or hex); it is not verified')
    .option('--html <file>', 'write everything as one page, too')
    .addOption(new Option('--bank <name>', 'the bank to show').choices(hashNames))
    .option('--events', 'with --against: show all events, not only those around a difference')
    .option('--details', 'show what an event holds in more lines')
    .option('--full', 'show values and digests in full')
    .addHelpText(
      'after',
      `
Examples:
  altee explain /sys/kernel/security/tpm0/binary_bios_measurements
  altee explain eventlog.bin --against dist/hello/measurements.json --platform lab
  altee explain ccel.bin --against dist/hello/measurements.json --quote quote.bin --html report.html

A log is its writer's word. Replaying it proves its digests, once the values are those of a quote; types and data are
proven only where the digest covers them (✓). Exit code 3: a register differs from the prediction, the log from the
values that were read, or the quote is of a TD in debug mode, which proves nothing.`,
    )
    .action(async (logFile: string, options: ExplainCliOptions, command: Command) => {
      await withSession(command, async ({ json, print, printJson }) => {
        const result = await explainEventLog({
          logFile,
          ...(options.against !== undefined && { against: options.against }),
          ...(options.platform !== undefined && { platform: options.platform }),
          ...(options.pcrs !== undefined && { pcrsFile: options.pcrs }),
          ...(options.quote !== undefined && { quoteFile: options.quote }),
        });
        const inputs = [logFile, options.against, options.pcrs, options.quote].filter(
          (each) => each !== undefined,
        );
        if (options.html !== undefined)
          await writeOutput(options.html, pageOf(basename(logFile), result), inputs);
        for (const line of resultLines(result, options)) print(line);
        // Of a long log this is many times its size.
        if (json) printJson(explanationJson(result));
        done(exitCodeOf(result));
      });
    });
}

function resultLines(result: ExplainResult, options: ExplainCliOptions): string[] {
  const paint = styler(process.stdout);
  const full = options.full === true;
  const shown = { bank: options.bank, full, details: options.details === true };
  const events = result.comparison ? [] : eventLines(result, shown, paint);
  const rest = [...readLines(result, paint), ...quoteLines(result, paint)];
  return [...logLines(result, paint), ...events, ...rest, ...comparisonLines(result, options, paint)];
}

function comparisonLines(
  { comparison }: ExplainResult,
  { events = false, full = false }: ExplainCliOptions,
  paint: ReturnType<typeof styler>,
): string[] {
  if (!comparison) return [];
  const { explanation, platform } = comparison;
  return [
    '',
    `Compared with the prediction for ${paint('bold', platform)}`,
    ...explanationLines(explanation, { events, full }, paint),
  ];
}

/** The log beside the values that were read from the machine. */
function readLines({ registers }: ExplainResult, paint: ReturnType<typeof styler>): string[] {
  const read = registers.filter((each) => each.read !== undefined);
  if (read.length === 0) return [];
  const wrong = read.filter((each) => contradicts(each));
  const silent = read.filter((each) => each.read !== each.replayed && !contradicts(each));
  const lines =
    wrong.length === 0
      ? [
          '',
          paint(
            'green',
            `The log gives the values that were read (${read.length - silent.length} of ${read.length})`,
          ),
        ]
      : [
          '',
          paint(
            'red',
            `The log does not give ${wrong.length} of ${read.length} values that were read: it is not this boot's log, or not all of it`,
          ),
        ];
  for (const { register, bank, replayed, read: value } of wrong)
    lines.push(
      `  ${register.padEnd(6)} ${bank.padEnd(6)} log     ${replayed}`,
      `  ${''.padEnd(13)} machine ${value}`,
    );
  const names = [...new Set(silent.map(({ register }) => register))];
  if (names.length > 0)
    lines.push(`The log says nothing about ${names.join(', ')}, which the running system extended`);
  return lines;
}

/** A register below 8 is firmware's, so that its log has to tell all; what comes later may stand in other logs. */
function contradicts({
  registerIndex,
  register,
  isLogged,
  replayed,
  read,
}: ExplainResult['registers'][number]): boolean {
  if (read === undefined || read === replayed) return false;
  const mayBeUnlogged = register.startsWith('RTMR') ? register === 'RTMR3' : registerIndex >= 8;
  return isLogged || !mayBeUnlogged;
}

function pageOf(title: string, { log, events, quirks, replayed, comparison }: ExplainResult): string {
  return explanationPageHtml(title, {
    file: log,
    events,
    quirks,
    replayed,
    explanation: comparison?.explanation,
  });
}

function exitCodeOf({ log, registers, quote, comparison }: ExplainResult): number {
  // What the registers of a TD hold that its host can change is no yes to anything.
  if (quote?.isDebug) return EXIT.no;
  if (registers.some(contradicts)) return EXIT.no;
  const states = comparison?.explanation.registers.map(({ status }) => status) ?? [];
  if (states.includes('different')) return EXIT.no;
  if (log.damage) return EXIT.invalidInput;
  return comparison && !comparison.explanation.isEqual ? EXIT.no : EXIT.done;
}

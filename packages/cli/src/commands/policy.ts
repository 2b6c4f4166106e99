import { join } from 'node:path';
import { makePolicies, type PolicyResult, printable } from '@altee/builder';
import { dialects, type HashName, hashNames } from '@altee/measure';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { styler } from '../report/style.ts';
import { withSession } from '../session.ts';

interface PolicyCliOptions {
  readonly out: string;
  readonly platform?: readonly string[];
  readonly dialect?: readonly string[];
  readonly pcrs?: readonly number[];
  readonly bank?: readonly HashName[];
  readonly signKey?: string;
  readonly phases?: readonly string[];
}

/** `altee policy`: measurements as reference values and policies that verifiers read. */
export function addPolicy(program: Command): void {
  program
    .command('policy')
    .argument('<measurements...>', 'measurements.json of one or more images, or their results folders')
    .description('write reference values and policies for verifiers, sealing and systemd')
    .option('--out <dir>', 'the folder to write', 'policy')
    .addOption(repeatable('--platform <name>', 'a platform (repeatable; default: all)'))
    .addOption(
      repeatable(
        '--dialect <name>',
        'a dialect (repeatable; default: all)',
        dialects.map(({ name }) => name),
      ),
    )
    .option('--pcrs <list>', 'PCRs to pin, such as 4,11 (default: all that are predicted)', pcrList)
    .addOption(repeatable('--bank <name>', 'a bank to pin (repeatable; default: all)', hashNames))
    .option('--sign-key <file>', "an RSA key in PEM: sign PCR 11 for systemd's signed PCR policy")
    .option(
      '--phases <list>',
      "boot phases to sign, separated by commas, each of words joined by colons (default: none, the application's start)",
      (list) => list.split(',').map((phase) => phase.trim()),
    )
    .addHelpText(
      'after',
      `
Examples:
  altee policy dist/hello
  altee policy dist/hello --dialect tpm2-policy --pcrs 4,11 --bank sha256
  altee policy old/dist/hello dist/hello --sign-key key.pem --phases enter-initrd

Only registers that are predicted are ever pinned. README.txt in the folder says what each file leaves out, and why.`,
    )
    .action(async (measurementsFiles: string[], options: PolicyCliOptions, command: Command) => {
      if (options.phases && options.signKey === undefined)
        command.error('error: --phases names what --sign-key signs, and there is no --sign-key');
      await withSession(command, async ({ print, printJson }) => {
        const result = await makePolicies({
          measurementsFiles,
          outDir: options.out,
          ...(options.platform && { platforms: options.platform }),
          ...(options.dialect && { dialects: options.dialect }),
          ...(options.pcrs && { pcrs: options.pcrs }),
          ...(options.bank && { banks: options.bank }),
          ...(options.signKey !== undefined && {
            sign: { keyFile: options.signKey, phases: options.phases ?? [''] },
          }),
        });
        for (const line of resultLines(result)) print(line);
        printJson(resultJson(result));
      });
    });
}

/** An option that may be given several times; commander's own way would take the arguments after it, too. */
function repeatable(flags: string, description: string, choices?: readonly string[]): Option {
  const help = choices ? `${description}: ${choices.join(', ')}` : description;
  return new Option(flags, help).argParser((value: string, before: readonly string[] | undefined) => {
    if (choices && !choices.includes(value))
      throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
    return [...(before ?? []), value];
  });
}

function pcrList(text: string): number[] {
  const pcrs = text.split(',').map((part) => part.trim());
  if (!pcrs.every((pcr) => /^(?:\d|1\d|2[0-3])$/.test(pcr)))
    throw new InvalidArgumentError('Must be PCR numbers from 0 to 23, separated by commas.');
  return pcrs.map(Number);
}

function resultLines({ outDir, files, notWritten, warnings }: PolicyResult): string[] {
  const paint = styler(process.stdout);
  const written = files.map(({ path, covers }) => {
    const pins =
      covers.length === 0
        ? ''
        : `  ${paint('dim', `pins ${distinct(covers.map(({ register }) => register))}`)}`;
    return `${printable(join(outDir, path))}${pins}`;
  });
  const missing = notWritten.map(
    ({ dialect, platform, reason }) =>
      `${paint('dim', 'not written')}  ${dialect} for ${platform}: ${printable(reason)}`,
  );
  const loud = warnings.map((text) => paint('yellow', `! ${printable(text)}`));
  return [...written, ...missing, ...loud];
}

function distinct(names: readonly string[]): string {
  return [...new Set(names)].join(' ');
}

/** Without the files' bytes, which stand in the folder. */
function resultJson({ outDir, files, notWritten, warnings }: PolicyResult): unknown {
  return {
    outDir,
    files: files.map(({ bytes, ...rest }) => ({ ...rest, size: bytes.length })),
    notWritten,
    warnings,
  };
}

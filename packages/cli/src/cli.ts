import { printable } from '@altee/builder';
import { Command, CommanderError } from 'commander';
import { addAudit } from './commands/audit.ts';
import { addBuild } from './commands/build.ts';
import { addCache } from './commands/cache.ts';
import { addDiff } from './commands/diff.ts';
import { addExplain } from './commands/explain.ts';
import { addInit } from './commands/init.ts';
import { addLock } from './commands/lock.ts';
import { addMeasure } from './commands/measure.ts';
import { addPolicy } from './commands/policy.ts';
import { addRelease } from './commands/release.ts';
import { addRun } from './commands/run.ts';
import { addVendor } from './commands/vendor.ts';
import { addVerifyRelease } from './commands/verify-release.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { jsonText } from './report/json-text.ts';
import { errorJson, errorText } from './report/print-error.ts';
import { version } from './version.ts';

/** One row a command; a new command adds a file and a row. */
const COMMANDS: readonly ((program: Command, done: (exitCode: number) => void) => void)[] = [
  addInit,
  addLock,
  addBuild,
  addRun,
  addMeasure,
  addExplain,
  addDiff,
  addPolicy,
  addRelease,
  addAudit,
  addVerifyRelease,
  addVendor,
  addCache,
];

const EXAMPLE = `
Example:
  altee init hello
  altee build hello/altee.yaml
  altee run hello/altee.yaml

Exit codes: 0 done, 1 failed, 2 the input is invalid, 3 the answer is no.`;

/** Runs `altee` with these arguments and gives its exit code; never throws, never exits by itself. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = new Command('altee')
    .description('From one manifest to a measured, reproducible unikernel image')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(printableError(text, argv)) })
    .configureHelp({ showGlobalOptions: true })
    .option('--json', 'print the result as JSON on standard output')
    .option('-q, --quiet', 'print results and errors only')
    .option('-v, --verbose', 'print what the tools print')
    .addHelpText('after', EXAMPLE);
  for (const add of COMMANDS) {
    add(program, (code) => {
      exitCode = code;
    });
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own message already.
    if (!(error instanceof CommanderError)) printFailure(error, argv);
    return exitCodeOf(error);
  }
}

/** Commander repeats arguments in its messages as they are; a line feed in one must not begin a line of ours. */
function printableError(text: string, argv: readonly string[]): string {
  const parts = argv
    .flatMap((arg) => [arg, arg.slice(arg.indexOf('=') + 1)])
    .filter((arg) => /\n./s.test(arg));
  const whole = parts.reduce((before, arg) => before.replaceAll(arg, () => printable(arg)), text);
  return whole.split('\n').map(printable).join('\n');
}

function printFailure(error: unknown, argv: readonly string[]): void {
  const verbose = argv.includes('--verbose') || argv.includes('-v');
  if (argv.includes('--json')) process.stdout.write(`${jsonText(errorJson(error))}\n`);
  process.stderr.write(`${errorText(error, verbose)}\n`);
}

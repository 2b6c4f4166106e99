import { type RunProjectResult, runProject } from '@altee/builder';
import type { RegisterComparison } from '@altee/measure';
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT } from '../exit-code.ts';
import { comparisonLines } from '../report/comparison-table.ts';
import { styler } from '../report/style.ts';
import { formatDuration, wrapLine } from '../report/terminal-text.ts';
import { withSession } from '../session.ts';
import {
  addOriginOptions,
  type ExecutorCliOptions,
  executorOption,
  type OriginCliOptions,
} from './options.ts';

interface RunCliOptions extends OriginCliOptions, ExecutorCliOptions {
  readonly platform?: string;
  readonly timeout: number;
  readonly frozen?: boolean;
  readonly signed?: string;
}

/** `altee run`: boots the disk and says for each PCR whether the TPM holds the predicted value. */
export function addRun(program: Command, done: (exitCode: number) => void): void {
  addOriginOptions(
    program
      .command('run')
      .argument('<manifest>', 'the altee.yaml')
      .description('boot the image with the locked QEMU, OVMF and swtpm, and compare what the TPM saw')
      .option('--platform <name>', "one of the manifest's platforms (default: the only one)")
      .option('--timeout <seconds>', 'stop the machine after so long', seconds, 120)
      .option(
        '--signed <file>',
        'the built image as your own tool signed it, for a platform with Secure Boot',
      )
      .addOption(executorOption())
      .option('--frozen', 'fail rather than write or change the lock'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  altee run examples/hello/altee.yaml\n\nExit code 3: a predicted register differs.',
    )
    .action(async (manifestFile: string, options: RunCliOptions, command: Command) => {
      await withSession(command, async ({ reporter, json, signal, print, printJson }) => {
        const paint = styler(process.stdout);
        const result = await runProject({
          manifestFile,
          reporter,
          signal,
          frozen: options.frozen === true,
          ...(options.executor === undefined ? {} : { executor: options.executor }),
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
          timeoutSeconds: options.timeout,
          ...(options.signed === undefined ? {} : { signedImage: options.signed }),
          ...(options.platform === undefined ? {} : { platform: options.platform }),
          onStart: ({ platform, accelerator, why }) => {
            reporter.close();
            print(paint('dim', `Booting on "${platform}" with ${accelerator.toUpperCase()} (${why})`));
          },
          onConsole: (line) => {
            if (json) return;
            for (const part of wrapLine(line, process.stdout.columns))
              process.stdout.write(`${paint('dim', '│')} ${part}\n`);
          },
        });
        print(endLine(result));
        for (const line of comparisonLines(result.registers, paint)) print(line);
        for (const reason of result.machine.tpm.uninterpreted)
          print(`The TPM's log is not fully understood: ${reason}`);
        printJson(resultJson(result));
        done(exitCodeOf(result));
      });
    });
}

function exitCodeOf({ asPredicted, machine }: RunProjectResult): number {
  if (FAILED_ENDS.has(machine.end)) return EXIT.failed;
  if (asPredicted) return EXIT.done;
  // A service is stopped by Ctrl-C; before all was measured, the difference says nothing.
  return machine.end === 'stopped' ? EXIT.failed : EXIT.no;
}

const FAILED_ENDS: ReadonlySet<string> = new Set(['timeout', 'panic', 'unknown']);

const ENDS: Readonly<Record<RunProjectResult['machine']['end'], string>> = {
  poweroff: 'The machine powered off',
  reboot: 'The machine asked for a reboot',
  panic: 'The kernel panicked',
  timeout: 'The machine was stopped: it ran into --timeout',
  stopped: 'The machine was stopped',
  unknown: 'The machine ended for an unknown reason',
};

function endLine({ machine }: RunProjectResult): string {
  return `${ENDS[machine.end]} after ${formatDuration(machine.seconds * 1000)}; ${machine.appExit?.text ?? 'PID 1 said nothing of the app'}`;
}

function resultJson({ platform, accelerator, machine, registers, asPredicted }: RunProjectResult): unknown {
  return {
    platform,
    accelerator,
    asPredicted,
    end: machine.end,
    seconds: machine.seconds,
    appExit: machine.appExit,
    console: machine.console,
    tpm: { banks: machine.tpm.banks, pcrs: machine.tpm.pcrs, uninterpreted: machine.tpm.uninterpreted },
    registers: registers.map(registerJson),
  };
}

/** Events hold bytes, which JSON would write as objects: their descriptions say enough here. */
function registerJson(comparison: RegisterComparison): unknown {
  if (comparison.status !== 'different') return comparison;
  const { difference, ...rest } = comparison;
  return {
    ...rest,
    difference: difference && { ...difference, predicted: difference.predicted?.description },
  };
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('Must be a number of seconds above 0.');
  return value;
}

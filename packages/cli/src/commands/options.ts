import { statSync } from 'node:fs';
import { type ExecutorName, executorName, executorNames } from '@altee/builder';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** Options about where bytes come from, shared by the commands that may fetch. */
export interface OriginCliOptions {
  readonly offline?: boolean;
  readonly vendor?: readonly string[];
}

/** Adds `--offline` and `--vendor`. */
export function addOriginOptions(command: Command): Command {
  return command
    .option('--offline', 'use what the store and vendor folders hold; name what is missing')
    .addOption(
      new Option(
        '--vendor <path>',
        'bundle of "altee vendor", or folder with files by name, asked before any mirror (repeatable)',
      ).argParser((path: string, before: string[] | undefined) => [...(before ?? []), present(path)]),
    );
}

/** The option of the commands that run build steps. */
export interface ExecutorCliOptions {
  readonly executor?: ExecutorName;
}

/** `--executor`; a name that is none is refused as `invalid-input`, before anything is done. */
export function executorOption(): Option {
  const what = `what runs the build steps: ${executorNames.join(', ')} (default: sandbox)`;
  return new Option('--executor <name>', what).argParser(executorName);
}

function present(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false }))
    throw new InvalidArgumentError('There is no such bundle or folder.');
  return path;
}

import type { Command } from 'commander';
import { TerminalReporter } from './report/reporter.ts';

/** What every command needs: the reporter, an abort signal, and the place for results. */
export interface Session {
  readonly reporter: TerminalReporter;
  readonly json: boolean;
  readonly signal: AbortSignal;
  /** A line of the result, on standard output; nothing with `--json`. */
  print(line: string): void;
  /** The result as data, on standard output; nothing without `--json`. */
  printJson(result: unknown): void;
}

interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** Runs `work` with a reporter that leaves the terminal clean, and turns the first Ctrl-C into an abort. */
export async function withSession<T>(command: Command, work: (session: Session) => Promise<T>): Promise<T> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const json = options.json === true;
  const reporter = new TerminalReporter({
    stream: process.stderr,
    verbose: options.verbose === true,
    quiet: options.quiet === true,
  });
  const aborter = new AbortController();
  const abort = () => aborter.abort(new Error('Interrupted'));
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  try {
    return await work({
      reporter,
      json,
      signal: aborter.signal,
      print: (line) => {
        if (!json) process.stdout.write(`${line}\n`);
      },
      printJson: (result) => {
        if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      },
    });
  } finally {
    process.removeListener('SIGINT', abort);
    process.removeListener('SIGTERM', abort);
    reporter.close();
  }
}

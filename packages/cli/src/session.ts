import type { Command } from 'commander';
import { jsonText } from './report/json-text.ts';
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

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Work that was asked to stop is waited for so long, so that it can remove what it made. */
const GRACE_MS = 5000;

/**
 * Runs `work` with a reporter that leaves the terminal clean. The first Ctrl-C asks the work to stop, which then fails
 * with "Interrupted"; the second one kills.
 */
export async function withSession<T>(command: Command, work: (session: Session) => Promise<T>): Promise<T> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const json = options.json === true;
  const reporter = new TerminalReporter({
    stream: process.stderr,
    verbose: options.verbose === true,
    quiet: options.quiet === true,
  });
  const aborter = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const interrupted = new Promise<never>((_resolve, reject) => {
    aborter.signal.addEventListener('abort', () => {
      grace = setTimeout(() => reject(aborter.signal.reason), GRACE_MS);
    });
  });
  const abort = () => {
    for (const signal of SIGNALS) process.removeListener(signal, abort);
    reporter.warn('Stopping; once more to stop at once');
    aborter.abort(new Error('Interrupted'));
  };
  for (const signal of SIGNALS) process.once(signal, abort);
  try {
    const session: Session = {
      reporter,
      json,
      signal: aborter.signal,
      print: (line) => {
        if (!json) process.stdout.write(`${line}\n`);
      },
      printJson: (result) => {
        if (json) process.stdout.write(`${jsonText(result)}\n`);
      },
    };
    return await Promise.race([work(session), interrupted]);
  } catch (error) {
    // Whatever the work makes of being stopped (a killed tool, say): it was stopped.
    throw aborter.signal.aborted ? aborter.signal.reason : error;
  } finally {
    clearTimeout(grace);
    for (const signal of SIGNALS) process.removeListener(signal, abort);
    reporter.close();
  }
}

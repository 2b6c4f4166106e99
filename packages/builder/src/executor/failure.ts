import { BuilderError } from '../error.ts';
import type { Step } from './executor.ts';
import { printable } from './printable.ts';

/** The shell's trace (`sh -x`) of the command that ran last; PS4 is `+ `, once more for each nesting. */
const TRACE = /^\++ /;

/** The error of a step that ended by itself, but not well. */
export function stepFailure(
  step: Step,
  exit: { code: number | null; signal: NodeJS.Signals | null },
  tail: readonly string[],
  logFile: string,
): BuilderError {
  const how = exit.signal === null ? exitStatus(exit.code ?? -1) : `was killed by ${exit.signal}`;
  const command = tail.findLast((line) => TRACE.test(line))?.replace(TRACE, '');
  const what = command === undefined ? '' : ` at "${shorten(printable(command))}"`;
  return new BuilderError('step-failed', `Step "${step.name}" ${how}${what}`, {
    hint: `The whole log is in ${logFile}`,
    details: tail.map(printable),
  });
}

/** sh(1): a command that dies by signal n gives 128 + n. */
function exitStatus(code: number): string {
  const signal = code > 128 && code < 128 + 65 ? ` (signal ${code - 128})` : '';
  return `failed with exit code ${code}${signal}`;
}

const LIMITS: Readonly<Record<string, (step: Step) => [message: string, hint: string]>> = {
  time: (step) => [
    `ran for more than ${step.limits.seconds} s and was stopped`,
    'Look for a command that waits for input or for a network; a slow machine may need a higher limit',
  ],
  'output-size': (step) => [
    `left more than ${step.limits.outputBytes} bytes in $OUT`,
    'Leave only the result in $OUT; work in /build',
  ],
  'log-size': () => ['printed more than 256 MiB and was stopped', 'Make its commands quieter'],
};

/** The error of a step that was killed; `reason` is a guard's. */
export function stepLimit(
  step: Step,
  reason: string,
  tail: readonly string[],
  logFile: string,
): BuilderError {
  const details = tail.map(printable);
  if (reason === 'disk-full') {
    return new BuilderError('disk-full', `Step "${step.name}" was stopped before the disk was full`, {
      hint: 'Free some space, or point ALTEE_CACHE to a larger disk',
      details,
    });
  }
  const [message, hint] = LIMITS[reason]?.(step) ?? [`was stopped (${reason})`, ''];
  return new BuilderError('step-limit', `Step "${step.name}" ${message}`, {
    hint: `${hint}. The whole log is in ${logFile}`,
    details,
  });
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

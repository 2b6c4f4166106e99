import { BuilderError } from '../../error.ts';
import type { Step } from '../executor.ts';
import { stepFailure, stepLimit } from '../failure.ts';
import { printable } from '../printable.ts';
import { nixFailure, noNamespaces, sandboxIsOff } from './diagnose-nix.ts';

export interface FailedBuild {
  /** What `nix/step.sh` said last, without its prefix. */
  readonly report: string | undefined;
  /** The last lines of the step. */
  readonly tail: readonly string[];
  /** What Nix itself has to say. */
  readonly problems: readonly string[];
  readonly logFile: string;
}

type Explain = (step: Step, failed: FailedBuild, detail: string) => BuilderError | Promise<BuilderError>;

/** First word of a report of `nix/step.sh` → the error; the rest of the report is the detail. */
const REPORTS: Readonly<Record<string, Explain>> = {
  failed: (step, { tail, logFile }, detail) =>
    stepFailure(step, { code: Number(detail), signal: null }, tail, logFile),
  stopped: (step, { tail, logFile }, detail) => stepLimit(step, detail, tail, logFile),
  'special-file': (step, _failed, detail) =>
    new BuilderError(
      'step-failed',
      `Step "${step.name}" left a special file at "$OUT/${printable(detail)}"`,
      {
        hint: 'Only directories, regular files and symbolic links can be kept in $OUT',
      },
    ),
  'no-sandbox': (_step, { tail, problems }) => sandboxIsOff([...tail, ...problems]),
  'not-entered': (_step, { tail }) => noNamespaces(tail),
};

/** Nix's own words → the bound of the step that was passed. */
const LIMITS: readonly (readonly [RegExp, string])[] = [
  [/timed out after \d+ seconds/, 'time'],
  [/killed after writing more than/, 'log-size'],
];

/** Why a build failed: what `step.sh` reported, or else what Nix says. */
export async function buildFailure(step: Step, failed: FailedBuild): Promise<BuilderError> {
  const { report = '', tail, problems, logFile } = failed;
  const [kind = '', ...detail] = report.split(' ');
  const explain = Object.hasOwn(REPORTS, kind) ? REPORTS[kind] : undefined;
  if (explain !== undefined) return await explain(step, failed, detail.join(' '));
  const said = problems.join('\n');
  const [, limit] = LIMITS.find(([pattern]) => pattern.test(said)) ?? [];
  if (limit !== undefined) return stepLimit(step, limit, tail, logFile);
  // The kernel's way to end what needs too much memory.
  const [, signal] = /failed due to signal (\d+)/.exec(said) ?? [];
  if (signal !== undefined)
    return stepFailure(step, { code: 128 + Number(signal), signal: null }, tail, logFile);
  return await nixFailure(problems, tail);
}

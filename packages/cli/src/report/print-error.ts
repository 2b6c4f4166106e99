import { BuilderError, printable } from '@altee/builder';
import { LockError, ManifestError } from '@altee/manifest';

/** An error as the user reads it: what and where, details, and what to do. */
export function errorText(error: unknown, verbose: boolean): string {
  if (error instanceof ManifestError || error instanceof LockError) return error.format();
  if (!(error instanceof Error)) return `error: ${printable(String(error))}`;
  const lines = [`error: ${error.message.split('\n').map(printable).join('\n')}`];
  if (error instanceof BuilderError) {
    for (const detail of error.details) lines.push(`  | ${printable(detail)}`);
    if (error.hint) lines.push(`  → ${printable(error.hint)}`);
  }
  for (
    let cause = error.cause, depth = 0;
    cause instanceof Error && depth < 3;
    cause = cause.cause, depth++
  ) {
    const text = printable(cause.message);
    if (!lines.some((line) => line.includes(text))) lines.push(`  caused by: ${text}`);
  }
  if (verbose && error.stack) lines.push(...error.stack.split('\n').map(printable));
  return lines.join('\n');
}

/** The same for `--json`: one object on standard output. */
export function errorJson(error: unknown): { readonly error: object } {
  if (error instanceof ManifestError || error instanceof LockError) {
    return { error: { code: 'invalid-input', problems: error.problems } };
  }
  if (error instanceof BuilderError) {
    return { error: { code: error.code, message: error.message, hint: error.hint, details: error.details } };
  }
  return { error: { code: 'internal', message: error instanceof Error ? error.message : String(error) } };
}

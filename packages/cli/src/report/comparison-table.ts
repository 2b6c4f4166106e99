import { printable } from '@altee/builder';
import type { RegisterComparison } from '@altee/measure';
import type { styler } from './style.ts';

/** How each status is shown. */
const MARKS = {
  equal: { mark: '✓', format: 'green', word: 'equal' },
  different: { mark: '✗', format: 'red', word: 'different' },
  'not-predicted': { mark: '·', format: 'dim', word: 'not predicted' },
  'not-observed': { mark: '?', format: 'yellow', word: 'not observed' },
} as const;

/** A line a register, and for a register that differs the values and the first event that does. */
export function comparisonLines(
  registers: readonly RegisterComparison[],
  paint: ReturnType<typeof styler>,
): string[] {
  return registers.flatMap((register) => {
    const { mark, format, word } = MARKS[register.status];
    const name = register.register.padEnd(6);
    const head = `${paint(format, `${mark} ${name} ${word.padEnd(13)}`)} ${paint('dim', printable(register.reason))}`;
    return [head, ...(register.status === 'different' ? differenceLines(register) : [])];
  });
}

function differenceLines(register: RegisterComparison & { status: 'different' }): string[] {
  const lines = register.values.flatMap(({ bank, predicted, observed }) => [
    `    ${bank.padEnd(6)}  predicted ${predicted}`,
    `    ${''.padEnd(6)}  TPM       ${observed}`,
  ]);
  const { difference } = register;
  if (difference?.predicted) {
    lines.push(
      `    event ${difference.index + 1}: ${difference.kind}; predicted: ${printable(difference.predicted.description)}`,
    );
  }
  if (difference?.observed)
    lines.push(`    event ${difference.index + 1}: the TPM received ${difference.observed}`);
  return lines;
}

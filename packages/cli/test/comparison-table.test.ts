import type { RegisterComparison } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { comparisonLines } from '../src/report/comparison-table.ts';

const plain = (_format: unknown, text: string) => text;

function lines(register: RegisterComparison): string[] {
  return comparisonLines([register], plain);
}

describe('comparisonLines()', () => {
  it.each<[RegisterComparison, string]>([
    [
      {
        register: 'PCR4',
        registerIndex: 4,
        status: 'equal',
        banks: ['sha256'],
        reason: '3 events, as predicted',
      },
      '✓ PCR4   equal         3 events, as predicted',
    ],
    [
      { register: 'PCR0', registerIndex: 0, status: 'not-predicted', reason: 'The firmware is not known' },
      '· PCR0   not predicted The firmware is not known',
    ],
    [
      { register: 'PCR11', registerIndex: 11, status: 'not-observed', reason: 'No bank' },
      '? PCR11  not observed  No bank',
    ],
  ])('gives one line for %j', (register, line) => {
    expect(lines(register)).toEqual([line]);
  });

  it('shows both values of each bank and the first event that differs', () => {
    const register: RegisterComparison = {
      register: 'PCR11',
      registerIndex: 11,
      status: 'different',
      reason: 'Event 2 differs',
      values: [{ bank: 'sha256', predicted: 'aa', observed: 'bb' }],
      difference: { kind: 'extra', index: 1, predicted: undefined, observed: 'cc' },
    };
    expect(lines(register)).toEqual([
      '✗ PCR11  different     Event 2 differs',
      '    sha256  predicted aa',
      '            TPM       bb',
      '    event 2: the TPM received cc',
    ]);
  });

  it('lets no description steer the terminal', () => {
    const reason = 'from \x1b[2J the guest';
    const [line] = lines({ register: 'PCR9', registerIndex: 9, status: 'not-observed', reason });
    expect(line).toContain('\\x1b[2J');
  });
});

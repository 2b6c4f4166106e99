import type { RegisterComparison } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { withoutDoubt } from '../../src/run/observed.ts';

const registers: RegisterComparison[] = [
  { register: 'PCR0', registerIndex: 0, status: 'not-predicted', reason: 'No rules' },
  {
    register: 'PCR4',
    registerIndex: 4,
    status: 'equal',
    banks: ['sha256'],
    reason: '3 events, as predicted',
  },
  {
    register: 'PCR5',
    registerIndex: 5,
    status: 'different',
    values: [],
    difference: undefined,
    reason: 'Event 1 differs',
  },
];
const statuses = (uninterpreted: string[]) =>
  withoutDoubt(registers, { uninterpreted }).map(({ status }) => status);

describe('withoutDoubt()', () => {
  it('leaves a comparison with a log that was understood', () => {
    expect(withoutDoubt(registers, { uninterpreted: [] })).toEqual(registers);
  });

  it('calls nothing equal where the log holds what may have changed a register', () => {
    expect(statuses(['line 7: the TPM holds another value in PCR 4 (sha256)'])).toEqual([
      'not-predicted',
      'not-observed',
      'different',
    ]);
  });
});

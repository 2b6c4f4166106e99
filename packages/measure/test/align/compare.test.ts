import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import {
  compareRegisters,
  extendsOfEventLog,
  type Machine,
  type ObservedExtend,
  parseEventLog,
  predictedEventLog,
  predictedEvents,
  predictTpm,
  type RegisterComparison,
  toHex,
} from '../../src/index.ts';
import { makeDisk, makeEntry } from '../make-disk.ts';
import { makeKernel, makeUki } from '../make-pe.ts';

const uki = makeUki('257', {
  '.cmdline': ascii('quiet'),
  '.initrd': ascii('initrd'),
  '.linux': makeKernel(),
});
const machine: Machine = { secureBoot: 'off', disk: makeDisk({ 0: makeEntry() }), optionRoms: false };
const prediction = predictTpm({ uki, machine, kernel: { ima: false } });
const expected: readonly ObservedExtend[] = predictedEvents(prediction).map(({ registerIndex, digests }) => ({
  registerIndex,
  digests: Object.fromEntries(Object.entries(digests).map(([bank, digest]) => [bank, toHex(digest)])),
}));
const strange: ObservedExtend = { registerIndex: 11, digests: { sha256: 'ab'.repeat(32) } };

/** How PCR 11 compares when its events in SHA-256 are changed by `change`. */
function pcr11(change: (events: ObservedExtend[]) => ObservedExtend[]): RegisterComparison {
  const own = expected
    .filter(({ registerIndex }) => registerIndex === 11)
    .map(({ digests }) => ({ registerIndex: 11, digests: { sha256: digests.sha256 ?? '' } }));
  return compareRegisters(prediction, { extends: change(own) })[11] ?? expect.fail();
}

describe('compareRegisters()', () => {
  it('says equal for every register that has a prediction when all happens as predicted', () => {
    const result = compareRegisters(prediction, { extends: expected });
    for (const { registerIndex, status, ...rest } of result) {
      const hasValues = Object.keys(prediction.registers[registerIndex]?.values ?? {}).length > 0;
      const wanted = hasValues ? 'equal' : 'not-predicted';
      expect(`${registerIndex} ${status}`).toBe(`${registerIndex} ${wanted}`);
      if (status === 'equal') expect(rest).toMatchObject({ banks: ['sha1', 'sha256', 'sha384', 'sha512'] });
    }
  });

  it('gives the same for the log that is made of the prediction', () => {
    const observed = extendsOfEventLog(parseEventLog(predictedEventLog(prediction)));
    expect(compareRegisters(prediction, { extends: observed })).toEqual(
      compareRegisters(prediction, { extends: expected }),
    );
  });

  it('passes on why a register is not predicted', () => {
    expect(compareRegisters(prediction, { extends: expected })[7]).toEqual({
      register: 'PCR7',
      registerIndex: 7,
      status: 'not-predicted',
      reason: 'host-dependent: The firmware is not known, and with it what it measures of SecureBoot',
    });
  });

  it('compares only the banks that were observed', () => {
    expect(pcr11((events) => events)).toMatchObject({ status: 'equal', banks: ['sha256'] });
  });

  it('says not-observed when nothing at all was', () => {
    expect(compareRegisters(prediction, { extends: [] })[11]).toMatchObject({ status: 'not-observed' });
  });

  it('names the event whose digest is another', () => {
    expect(pcr11((events) => events.with(3, strange))).toMatchObject({
      status: 'different',
      difference: { kind: 'changed', index: 3, observed: strange.digests.sha256 },
      reason: 'Event 4 differs: contents of section ".cmdline", 5 bytes',
    });
  });

  it('names an extra event, and the predicted one that comes after it', () => {
    expect(pcr11((events) => events.toSpliced(2, 0, strange))).toMatchObject({
      difference: {
        kind: 'extra',
        index: 2,
        predicted: { description: 'name of section ".cmdline" with its NUL' },
      },
    });
  });

  it('names an extra event at the end', () => {
    const result = pcr11((events) => [...events, strange]);
    expect(result).toMatchObject({
      difference: { kind: 'extra', index: 6 },
      reason: 'Event 7 is extra: nothing more was predicted',
    });
  });

  it('names a missing event', () => {
    expect(pcr11((events) => events.toSpliced(1, 1))).toMatchObject({
      difference: { kind: 'missing', index: 1 },
      reason: expect.stringMatching(/^Event 2 is missing: contents of section "\.linux"/),
    });
  });

  it('names the first of the events that are missing at the end', () => {
    expect(pcr11((events) => events.slice(0, 4))).toMatchObject({
      difference: { kind: 'missing', index: 4 },
    });
  });

  it('says when two events stand in each other’s order', () => {
    const swapped = pcr11(([a, b, ...rest]) => (a && b ? [b, a, ...rest] : []));
    expect(swapped).toMatchObject({ difference: { kind: 'moved', index: 0 } });
  });

  it('is not content with right extensions when the value that was read is another', () => {
    const values = { sha256: { 11: 'cd'.repeat(32) } };
    expect(compareRegisters(prediction, { extends: expected, values })[11]).toMatchObject({
      status: 'different',
      difference: undefined,
      values: [{ bank: 'sha256', observed: 'cd'.repeat(32) }],
      reason: 'The observed extensions are the predicted ones, but do not give the value that was read',
    });
  });

  it('compares values alone when no extensions are known', () => {
    const right = toHex(prediction.registers[11]?.values.sha256 ?? expect.fail());
    const compare = (value: string) =>
      compareRegisters(prediction, { values: { sha256: { 11: value } } })[11];
    expect(compare(right.toUpperCase())).toMatchObject({ status: 'equal' });
    expect(compare('00'.repeat(32))).toMatchObject({ status: 'different', difference: undefined });
  });

  it('does not call a register equal when one bank differs', () => {
    const value = (bank: 'sha1' | 'sha256') => toHex(prediction.registers[11]?.values[bank] ?? expect.fail());
    const values = { sha1: { 11: value('sha1') }, sha256: { 11: '00'.repeat(32) } };
    expect(compareRegisters(prediction, { values })[11]).toMatchObject({
      status: 'different',
      values: [{ bank: 'sha256', predicted: value('sha256') }],
    });
  });
});

import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type HashName, parseEventLog, replayEventLog, toHex } from '../../src/index.ts';
import { haveVectors, vectorBytes, vectorJson, vectorPath } from '../vectors.ts';

type Banks = Partial<Record<HashName, Record<string, string>>>;

/** Replayed PCRs in the form of the vectors' JSON. */
function replay(log: Uint8Array): Banks {
  const banks = [...replayEventLog(parseEventLog(log))];
  return Object.fromEntries(
    banks.map(([bank, pcrs]) => [
      bank,
      Object.fromEntries([...pcrs].map(([registerIndex, value]) => [registerIndex, toHex(value)])),
    ]),
  );
}

describe.skipIf(!haveVectors)('replayEventLog() gives the PCRs that go-eventlog expects', () => {
  const expected = haveVectors
    ? vectorJson<Record<string, { pcrs: Banks }>>('event-logs/go-eventlog/expected_pcrs.json')
    : {};

  for (const [file, { pcrs }] of Object.entries(expected)) {
    const path = file.replace(/^eventlogs\//, '');
    it(`replays ${path}`, () => {
      const replayed = replay(vectorBytes('event-logs/go-eventlog', path));
      for (const [bank, values] of Object.entries(pcrs)) {
        expect(replayed[bank as HashName]).toMatchObject(values);
      }
    });
  }
});

describe.skipIf(!haveVectors)('replayEventLog() gives the PCRs of real OVMF boots', () => {
  for (const boot of haveVectors ? readdirSync(vectorPath('ovmf-boots')) : []) {
    it(`replays ${boot}`, () => {
      const observed = vectorJson<Banks>('ovmf-boots', boot, 'pcrs-guest.json');
      const replayed = replay(vectorBytes('ovmf-boots', boot, 'eventlog.bin'));
      for (const [bank, values] of Object.entries(replayed)) {
        for (const [registerIndex, value] of Object.entries(values)) {
          expect(`${bank}:${registerIndex} ${value}`).toBe(
            `${bank}:${registerIndex} ${observed[bank as HashName]?.[registerIndex]}`,
          );
        }
      }
    });
  }
});

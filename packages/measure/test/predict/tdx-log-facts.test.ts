import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { MeasureError } from '../../src/error.ts';
import type { Hasher } from '../../src/hash.ts';
import { findRegister } from '../../src/predict/prediction.ts';
import { predictTdx } from '../../src/predict/tdx.ts';
import { tdxFactsOfLog } from '../../src/predict/tdx-log-facts.ts';
import { readEventLog } from '../../src/tcg/read-event-log.ts';
import { replayEventLog } from '../../src/tcg/replay.ts';
import { differingRegisters, parseTdxQuote } from '../../src/tdx/quote.ts';
import { gcpSections } from '../tdx/sections.ts';
import { haveVectors, vectorBytes } from '../vectors.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const log = haveVectors ? vectorBytes('tdx', 'go-tdx-guest', 'ccel_data.dat') : new Uint8Array(0);

describe.skipIf(!haveVectors)('tdxFactsOfLog() of a Google Cloud TD (go-tdx-guest)', () => {
  const quote = () => parseTdxQuote(vectorBytes('tdx', 'go-tdx-guest', 'cos-113-tdx-quote.dat'));

  it('is of a log that replays to RTMR 0 to 2 of the quote', () => {
    const values = replayEventLog(readEventLog(log).log, native).get('sha384') ?? new Map();
    expect([...values.keys()]).toEqual([1, 2, 3]);
    expect(differingRegisters(quote(), values)).toEqual([]);
  });

  it('lets the events before the image be predicted: all that firmware measures into RTMR 0', () => {
    const { configuration, evidence, ...facts } = tdxFactsOfLog(log, native);
    expect(evidence.traits.separators).toBe('one-each');
    const prediction = predictTdx(
      {
        machine: {
          ...facts,
          vmm: 'gcp',
          memoryBytes: 16 * 2 ** 30,
          firmware: { sections: gcpSections, configuration, mrtd: quote().mrtd },
        },
        boot: { kind: 'digests', direct: false, applications: [] },
      },
      native,
    );
    const register = findRegister(prediction, 'RTMR0');
    expect(register?.status).toBe('predicted');
    const observed = readEventLog(log).log.events.filter(({ registerIndex }) => registerIndex === 1);
    // What follows is shim's: SbatLevel, MokListTrusted.
    expect(register?.events.map(({ digests }) => toHex(digests.sha384 ?? new Uint8Array(0)))).toEqual(
      observed.slice(0, 14).map(({ digests }) => toHex(digests.get('sha384') ?? new Uint8Array(0))),
    );
    expect(register?.events.find(({ description }) => description.includes('Boot0001'))).toMatchObject({
      source: { kind: 'reference-log', index: 12 },
      dependsOn: expect.arrayContaining(['reference-log']),
    });
  });

  it('refuses a variable whose data is not what was measured', () => {
    const changed = Uint8Array.from(log);
    const at = changed.findIndex(
      (_, index) => index > 300 && toHex(changed.subarray(index, index + 4)) === '50004b00',
    );
    changed[at + 40] = (changed[at + 40] ?? 0) ^ 1;
    expect(() => tdxFactsOfLog(changed, native)).toThrow(/is not what its digest covers/);
  });

  it('throws nothing but a MeasureError, whatever happens to the log', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 6000 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: 18000 }),
        (at, value, length) => {
          const changed = Uint8Array.from(log.subarray(0, Math.max(length, 100)));
          changed[at % changed.length] = value;
          try {
            tdxFactsOfLog(changed, native);
          } catch (error) {
            expect(error).toBeInstanceOf(MeasureError);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

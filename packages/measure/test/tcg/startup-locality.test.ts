import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import {
  type BankDigests,
  compareRegisters,
  defaultHasher,
  type EventLogContents,
  encodeEventLog,
  eventTypes,
  explainLog,
  extendsOfEventLog,
  type HashName,
  type Prediction,
  parseEventLog,
  parsePredictionJson,
  predictedEventLog,
  predictionToJson,
  readEventLog,
  replayEventLog,
  replayPcr,
  startupLocality,
  toHex,
} from '../../src/index.ts';

type Event = EventLogContents['events'][number];
const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const algorithms = [{ id: 0x0b, name: 'sha256' as HashName, size: 32 }];
const event = (type: number, byte: number, data: Uint8Array = new Uint8Array(0)): Event => ({
  registerIndex: 0,
  untrustedEventType: type,
  digests: new Map([['sha256', digest(byte)]]),
  untrustedData: data,
});
const told = (locality: number): Event =>
  event(eventTypes.EV_NO_ACTION, 0, Uint8Array.of(...ascii('StartupLocality\0'), locality));
const hcrtm = event(eventTypes.EV_EFI_HCRTM_EVENT, 1, ascii('HCRTM'));
const version = event(eventTypes.EV_S_CRTM_VERSION, 2);

const logOf = (events: Event[]) => encodeEventLog({ algorithms, events });
const pcr0 = (events: Event[]): string =>
  toHex(
    replayEventLog(parseEventLog(logOf(events)))
      .get('sha256')
      ?.get(0) ?? new Uint8Array(0),
  );
const replay = (bytes: number[], locality: number): string =>
  toHex(replayPcr(defaultHasher, 'sha256', bytes.map(digest), locality));

/** PCR 0 of one event, predicted to start from a locality. */
function predicted(locality: number): Prediction {
  const digests: BankDigests = { sha256: digest(2) };
  const common = { register: 'PCR0', registerIndex: 0 } as const;
  return {
    technology: 'tpm',
    banks: ['sha256'],
    registers: [
      {
        ...common,
        status: 'predicted',
        reason: 'A test',
        covers: 'A test',
        startupLocality: locality,
        values: { sha256: replayPcr(defaultHasher, 'sha256', [digest(2)], locality) },
        events: [
          {
            ...common,
            stage: 'crtm',
            eventType: 'EV_S_CRTM_VERSION',
            digests,
            data: new Uint8Array(0),
            dataIsExact: true,
            source: { kind: 'constant', text: 'version' },
            clause: 'A test',
            dependsOn: [],
            description: 'version',
          },
        ],
      },
    ],
  };
}

describe('startupLocality()', () => {
  it.each([
    ['nothing tells one', [version], 0, [2]],
    ['the log tells locality 3', [told(3), version], 3, [2]],
    ['the log tells an H-CRTM', [told(4), hcrtm, version], 4, [1, 2]],
    ['an H-CRTM measured first and nothing tells so', [hcrtm, version], 4, [1, 2]],
    ['an H-CRTM measured first, whatever the log tells', [told(3), hcrtm, version], 4, [1, 2]],
    ['an H-CRTM comes too late, which resets nothing', [version, hcrtm], 0, [2, 1]],
    [
      'the value is missing',
      [event(eventTypes.EV_NO_ACTION, 0, ascii('StartupLocality\0')), version],
      0,
      [2],
    ],
  ])('gives what PCR 0 started from where %s, and replay starts from it', (_, events, locality, digests) => {
    expect(startupLocality(parseEventLog(logOf(events)))).toBe(locality);
    expect(pcr0(events)).toBe(replay(digests, locality));
  });
});

describe('compareRegisters() with a start-up locality', () => {
  const compare = (prediction: Prediction, events: Event[]) => {
    const log = parseEventLog(logOf(events));
    const observed = { extends: extendsOfEventLog(log), startupLocality: startupLocality(log) };
    return compareRegisters(prediction, observed)[0];
  };

  it('replays PCR 0 from it', () => {
    expect(compare(predicted(3), [told(3), version])).toMatchObject({ status: 'equal' });
  });

  it('names it where nothing else differs', () => {
    expect(compare(predicted(0), [told(3), version])).toMatchObject({
      status: 'different',
      difference: undefined,
      reason:
        'The extensions are the predicted ones, but the register started from 3 and not from 0 (start-up locality)',
    });
  });
});

describe('explainLog() with a start-up locality', () => {
  const explain = (prediction: Prediction, log: Uint8Array) => {
    const recorded = parsePredictionJson(JSON.parse(JSON.stringify(predictionToJson(prediction))));
    return explainLog(recorded, readEventLog(log)).registers[0];
  };

  it('finds the predicted log equal, and the locality is read back', () => {
    expect(explain(predicted(3), predictedEventLog(predicted(3)))).toMatchObject({ status: 'equal' });
  });

  it('names it where nothing else differs', () => {
    const reason = 'but the register started from 0 and not from 3 (start-up locality)';
    expect(explain(predicted(3), logOf([version]))).toMatchObject({
      status: 'different',
      reason: expect.stringContaining(reason),
    });
  });

  it('says that a prediction contradicts itself', () => {
    const [register] = predicted(0).registers;
    const changed = { ...predicted(0), registers: [{ ...register, values: { sha256: digest(9) } }] };
    expect(explain(changed as Prediction, logOf([version]))).toMatchObject({
      status: 'different',
      reason: expect.stringContaining('does not follow from them'),
    });
  });

  it.each([-1, 256, 1.5, '3', null])('refuses a locality of %s in a file', (locality) => {
    const json = JSON.parse(JSON.stringify(predictionToJson(predicted(3))));
    json.registers.PCR0.startupLocality = locality;
    expect(() => parsePredictionJson(json)).toThrow('startupLocality must be a byte');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { Writer } from '../../src/bytes/writer.ts';
import { encodeEventLog, eventTypes, MeasureError, parseEventLog, replayEventLog } from '../../src/index.ts';
import { haveVectors, vectorBytes } from '../vectors.ts';

const sha256 = { id: 0x0b, name: 'sha256', size: 32 };
const sha1 = { id: 0x04, name: 'sha1', size: 20 };

const event = fc.record({
  registerIndex: fc.integer({ min: 0, max: 0xffff_ffff }),
  untrustedEventType: fc.integer({ min: 0, max: 0xffff_ffff }),
  digests: fc
    .tuple(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map(
      ([first, second]) =>
        new Map([
          ['sha1', first],
          ['sha256', second],
        ]),
    ),
  untrustedData: fc.uint8Array({ maxLength: 100 }),
});

const small = encodeEventLog({
  algorithms: [sha256],
  events: [
    {
      registerIndex: 4,
      untrustedEventType: eventTypes.EV_SEPARATOR,
      digests: new Map([['sha256', new Uint8Array(32)]]),
      untrustedData: new Uint8Array(4),
    },
  ],
});
// 0x00 header, 0x20 Spec ID (0x14 fixed bytes, count, 4 bytes an algorithm, vendor size), the event at 0x41.
const at = {
  specSize: 0x1c,
  count: 0x38,
  algorithm: 0x3c,
  digestSize: 0x3e,
  vendorSize: 0x40,
  digests: 0x49,
  eventAlgorithm: 0x4d,
  eventSize: 0x6f,
};

function patched(offset: number, ...values: number[]): Uint8Array {
  const bytes = small.slice();
  bytes.set(values, offset);
  return bytes;
}

describe('parseEventLog()', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 5 }), (events) => {
        const log = parseEventLog(encodeEventLog({ algorithms: [sha1, sha256], events }));
        expect(log.format).toBe('crypto-agile');
        expect(log.specId).toMatchObject({ version: '2.0.0', uintnSize: 2 });
        expect(log.events).toMatchObject(events);
      }),
    );
  });

  it('reads a log without Spec ID event as SHA-1 events', () => {
    const bytes = new Writer()
      .u32(2)
      .u32(4)
      .bytes(new Uint8Array(20).fill(7))
      .u32(3)
      .bytes(ascii('abc'))
      .finish();
    const log = parseEventLog(Uint8Array.of(...bytes, ...bytes));
    expect(log.format).toBe('sha1');
    expect(log.events.map(({ registerIndex, offset, index }) => [registerIndex, offset, index])).toEqual([
      [2, 0, 0],
      [2, 35, 1],
    ]);
    expect(log.events[0]?.untrustedData).toEqual(ascii('abc'));
  });

  it('keeps events of unknown type as they are', () => {
    const [only] = parseEventLog(patched(0x41, 0xff, 0, 0, 0, 0xef, 0xbe, 0xad, 0xde)).events;
    expect(only).toMatchObject({ registerIndex: 255, untrustedEventType: 0xdeadbeef });
  });

  it('refuses a log that is cut anywhere', () => {
    for (let length = 0; length < small.length; length++) {
      if (length === 0x41) continue; // the header alone is a log without events
      expect(() => parseEventLog(small.subarray(0, length)), String(length)).toThrow(MeasureError);
    }
  });

  it.each([
    ['an empty log', new Uint8Array(0), 'TCG_PCR_EVENT.pcrIndex at 0x0: needs 4 bytes, 0 remain'],
    [
      'a header of 4 GiB',
      patched(at.specSize, 0xff, 0xff, 0xff, 0xff),
      'TCG_PCR_EVENT.event at 0x20: needs 4294967295 bytes',
    ],
    [
      '4 billion algorithms',
      patched(at.count, 0xff, 0xff, 0xff, 0xff),
      'numberOfAlgorithms at 0x3c: 4294967295 algorithms do not fit',
    ],
    ['no algorithms', patched(at.count, 0), 'numberOfAlgorithms'],
    ['SHA-256 of 31 bytes', patched(at.digestSize, 31), 'digestSize at 0x3c: sha256 has 32 bytes, not 31'],
    [
      'vendor data past the header',
      patched(at.vendorSize, 9),
      'TCG_EfiSpecIDEvent.vendorInfo at 0x41: needs 9 bytes, 0 remain',
    ],
    [
      '4 billion digests',
      patched(at.digests, 0xff, 0xff, 0xff, 0xff),
      'digests.count at 0x49: 4294967295 digests, but the header declares 1',
    ],
    [
      'an undeclared algorithm',
      patched(at.eventAlgorithm, 4),
      'TCG_PCR_EVENT2.hashAlg at 0x4d: 0x4 is not in the header',
    ],
    [
      'event data of 4 GiB',
      patched(at.eventSize, 0xff, 0xff, 0xff, 0xff),
      'TCG_PCR_EVENT2.event at 0x73: needs 4294967295 bytes, 4 remain',
    ],
    [
      'a byte too many',
      Uint8Array.of(...small, 0),
      'TCG_PCR_EVENT2.pcrIndex at 0x77: needs 4 bytes, 1 remain',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseEventLog(bytes)).toThrow(message);
  });

  it('throws nothing but MeasureError, and never gives more than it was given', () => {
    const arbitrary = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .tuple(fc.nat(small.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }))
        .map(([offset, bytes]) => {
          const copy = Uint8Array.of(...small, 0, 0, 0, 0);
          copy.set(bytes, offset);
          return copy.subarray(0, small.length);
        }),
    );
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        try {
          const log = parseEventLog(bytes);
          const carried = log.events.reduce((sum, { untrustedData }) => sum + untrustedData.length, 0);
          expect(carried).toBeLessThanOrEqual(bytes.length);
          expect(log.events.every(({ untrustedData }) => untrustedData.buffer === bytes.buffer)).toBe(true);
          replayEventLog(log);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses to encode an event that lacks a bank', () => {
    const events = [
      { registerIndex: 1, untrustedEventType: 4, digests: new Map(), untrustedData: new Uint8Array(0) },
    ];
    expect(() => encodeEventLog({ algorithms: [sha256], events })).toThrow(
      'An event of PCR 1 has no sha256 digest',
    );
  });
});

describe('replayEventLog()', () => {
  it('starts PCR 0 from the locality that the log tells', () => {
    const digests = new Map([['sha256', new Uint8Array(32)]]);
    const log = (locality: number) =>
      parseEventLog(
        encodeEventLog({
          algorithms: [sha256],
          events: [
            {
              registerIndex: 0,
              untrustedEventType: eventTypes.EV_NO_ACTION,
              digests,
              untrustedData: Uint8Array.of(...ascii('StartupLocality\0'), locality),
            },
            {
              registerIndex: 0,
              untrustedEventType: eventTypes.EV_SEPARATOR,
              digests,
              untrustedData: new Uint8Array(4),
            },
          ],
        }),
      );
    const value = (locality: number) => replayEventLog(log(locality)).get('sha256')?.get(0);
    expect(value(3)).not.toEqual(value(0));
  });

  it('does not extend EV_NO_ACTION events', () => {
    expect(replayEventLog(parseEventLog(patched(0x45, 3))).get('sha256')?.size).toBe(0);
  });
});

describe.skipIf(!haveVectors)('Keylime’s bad logs', () => {
  it.each(['binary_bios_measurements-bogus', 'binary_bios_measurements-empty'])('%s is refused', (file) => {
    expect(() => parseEventLog(vectorBytes('event-logs/keylime', file))).toThrow(MeasureError);
  });

  it('go-eventlog’s log of one short event is read, and its lack of extends seen', () => {
    const log = parseEventLog(vectorBytes('event-logs/go-eventlog/legacydata/short_no_action_eventlog'));
    expect(replayEventLog(log).get('sha1')?.size).toBe(0);
  });
});

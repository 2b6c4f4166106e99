import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { encode } from 'cborg';
import { describe, expect, it } from 'vitest';
import { ascii, utf8 } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  encodeEventLog,
  eventTypes,
  type Hasher,
  type HashName,
  MeasureError,
  parseTdxQuote,
  readEventLog,
  replayEventLog,
  toHex,
} from '../../src/index.ts';
import { haveVectors, vectorBytes, vectorJson, vectorPath } from '../vectors.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const digest = new Uint8Array(32).fill(7);
const sha256 = { id: 0x0b, name: 'sha256', size: 32 };
const small = encodeEventLog({
  algorithms: [sha256],
  events: [
    {
      registerIndex: 4,
      untrustedEventType: eventTypes.EV_SEPARATOR,
      digests: new Map([['sha256', digest]]),
      untrustedData: new Uint8Array(4),
    },
  ],
});

/** A TLV of the canonical format: type, length in big-endian, value. */
function tlv(type: number, ...values: Uint8Array[]): Uint8Array {
  const value = concatBytes(values);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, value.length);
  return concatBytes([Uint8Array.of(type), length, value]);
}

const celRecord = (register: Uint8Array, content: Uint8Array): Uint8Array =>
  concatBytes([tlv(0, new Uint8Array(8)), register, tlv(3, tlv(0x0b, digest)), content]);
const pcclient = tlv(5, tlv(0, Uint8Array.of(0, 0, 0, 4)), tlv(1, new Uint8Array(4)));

describe('readEventLog()', () => {
  it('counts padding of zeros and of ones', () => {
    for (const byte of [0, 0xff]) {
      const padded = concatBytes([small, new Uint8Array(1001).fill(byte)]);
      expect(readEventLog(padded)).toMatchObject({ kind: 'tcg2', paddingBytes: 1001, damage: undefined });
      expect(readEventLog(padded).log.events).toHaveLength(1);
    }
  });

  it('keeps the events before a damage, and says what could not be read', () => {
    const broken = concatBytes([small, Uint8Array.of(1, 2, 3)]);
    expect(readEventLog(broken)).toMatchObject({
      paddingBytes: 0,
      damage: { offset: small.length, length: 3, message: expect.stringContaining('pcrIndex') },
    });
    // Padding with a single other byte is no padding.
    const spoiled = concatBytes([small, new Uint8Array(100).fill(0xff), Uint8Array.of(0)]);
    expect(readEventLog(spoiled).damage?.length).toBe(101);
  });

  it('takes a log whose header stands at register 1 for a confidential VM’s', () => {
    const log = encodeEventLog({
      headerIndex: 1,
      algorithms: [{ id: 0x0c, name: 'sha384', size: 48 }],
      events: [],
    });
    expect(readEventLog(log)).toMatchObject({ kind: 'cc', registers: 'cc' });
    expect(readEventLog(small)).toMatchObject({ kind: 'tcg2', registers: 'pcr' });
  });

  it('says where the log is when it gets the ACPI table, and reads a log behind it', () => {
    const table = concatBytes([ascii('CCEL'), Uint8Array.of(56, 0, 0, 0), new Uint8Array(48)]);
    expect(() => readEventLog(table)).toThrow('/sys/firmware/acpi/tables/data/CCEL');
    expect(readEventLog(concatBytes([table, small])).log.events).toHaveLength(1);
  });

  it('reads canonical logs in TLV, with registers of a TPM or a TD', () => {
    const pcr = readEventLog(celRecord(tlv(1, Uint8Array.of(4)), pcclient));
    expect(pcr).toMatchObject({ kind: 'cel-tlv', registers: 'pcr' });
    expect(pcr.log.events).toMatchObject([
      { registerIndex: 4, untrustedEventType: eventTypes.EV_SEPARATOR, untrustedData: new Uint8Array(4) },
    ]);
    const cc = readEventLog(celRecord(tlv(108, Uint8Array.of(4)), tlv(80, tlv(0, ascii('image')))));
    expect(cc).toMatchObject({ kind: 'cel-tlv', registers: 'cc' });
    expect(cc.log.events).toMatchObject([{ registerIndex: 4, untrustedContentType: 'cos' }]);
  });

  it('keeps canonical records before a broken one, and refuses a first one that is broken', () => {
    const record = celRecord(tlv(1, Uint8Array.of(0, 0, 0, 4)), pcclient);
    expect(readEventLog(concatBytes([record, record.subarray(0, 30)]))).toMatchObject({
      damage: { offset: record.length, length: 30 },
    });
    expect(() => readEventLog(record.subarray(0, 30))).toThrow(MeasureError);
    const mixed = celRecord(tlv(108, Uint8Array.of(1)), pcclient);
    expect(readEventLog(concatBytes([record, mixed])).damage?.message).toContain('one log');
  });

  it('reads canonical logs in CBOR: one after the other, or in an array', () => {
    const record = new Map<number, unknown>([
      [0, 0],
      [1, 4],
      [3, [[0x0b, digest]]],
      [
        5,
        new Map<number, unknown>([
          [0, 4],
          [1, new Uint8Array(4)],
        ]),
      ],
    ]);
    const wanted = [{ registerIndex: 4, untrustedEventType: 4, untrustedData: new Uint8Array(4) }];
    for (const bytes of [encode(record), encode([record])]) {
      const file = readEventLog(bytes);
      expect(file).toMatchObject({ kind: 'cel-cbor', log: { events: wanted } });
      expect(file.log.events[0]?.digests.get('sha256')).toEqual(digest);
    }
    expect(readEventLog(concatBytes([encode(record), encode(record)])).log.events).toHaveLength(2);
  });

  it('reads canonical logs in JSON, and systemd’s records', () => {
    const digests = [{ hashAlg: 'sha256', digest: toHex(digest) }];
    const standard = [
      {
        recnum: 0,
        pcr: 4,
        digests,
        content_type: 'pcclient_std',
        content: { event_type: 'EV_SEPARATOR', event_data: '00000000' },
      },
    ];
    expect(readEventLog(utf8(JSON.stringify(standard)))).toMatchObject({
      kind: 'cel-json',
      log: { events: [{ registerIndex: 4, untrustedEventType: 4, untrustedData: new Uint8Array(4) }] },
    });
    const systemd = {
      pcr: 11,
      digests,
      content_type: 'systemd',
      content: { string: 'enter-initrd', eventType: 'phase' },
    };
    const sequence = utf8(`\x1e${JSON.stringify(systemd)}\n\x1e${JSON.stringify(systemd)}\n`);
    expect(readEventLog(sequence).log.events).toMatchObject([
      { registerIndex: 11, untrustedContentType: 'systemd', untrustedData: ascii('enter-initrd') },
      { registerIndex: 11 },
    ]);
  });

  it.each([
    ['an empty file', new Uint8Array(0), 'empty'],
    ['a text file', ascii('HALLO WELT, HALLO WELT, HALLO WELT, HALLO WELT'), 'no event log that altee knows'],
    ['a header without its signature', new Uint8Array(20), 'no event log that altee knows'],
    ['JSON of something else', utf8('{"a":1}'), 'there is no list of events'],
    ['JSON that is none', utf8('{"a"'), 'JSON'],
    ['a JSON record without PCR', utf8('[{"digests":[]}]'), 'names no PCR'],
    [
      'a digest of another size',
      utf8('[{"pcr":1,"digests":[{"hashAlg":"sha256","digest":"00"}]}]'),
      'sha256 has 32 bytes, not 1',
    ],
    ['deep CBOR', new Uint8Array(100_000).fill(0x81), 'CBOR'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readEventLog(bytes)).toThrow(MeasureError);
    expect(() => readEventLog(bytes)).toThrow(message);
  });
});

type ExpectedPcrs = Record<string, { pcrs: Record<HashName, Record<string, string>> }>;

describe.skipIf(!haveVectors)('readEventLog() and replayEventLog() on real logs', () => {
  const expected = haveVectors ? vectorJson<ExpectedPcrs>('event-logs/go-eventlog/expected_pcrs.json') : {};
  const folders = ['tpm', 'legacydata'];
  const places = haveVectors
    ? folders.flatMap((folder) =>
        readdirSync(vectorPath('event-logs/go-eventlog', folder)).map((file) => ({ folder, file })),
      )
    : [];

  it('give the 190 values of go-eventlog', () => {
    let compared = 0;
    for (const [name, { pcrs }] of Object.entries(expected)) {
      const base = name.split('/').at(-1) ?? '';
      const place = places.find(({ file }) => file === base);
      if (!place) continue;
      const file = readEventLog(vectorBytes('event-logs/go-eventlog', place.folder, place.file));
      expect(file.damage, name).toBeUndefined();
      const replayed = replayEventLog(file.log, native);
      for (const [bank, values] of Object.entries(pcrs)) {
        for (const [pcr, value] of Object.entries(values)) {
          const got = replayed.get(bank as HashName)?.get(Number(pcr));
          expect(`${name} ${bank} ${pcr} ${got && toHex(got)}`).toBe(`${name} ${bank} ${pcr} ${value}`);
          compared++;
        }
      }
    }
    expect(compared).toBe(190);
  });

  it('give go-eventlog’s RTMRs, with and without padding', () => {
    const rtmrs = vectorJson<Record<string, Record<string, string>>>(
      'event-logs/go-eventlog/ccel/expected_rtmrs.json',
    );
    const names: Record<string, string> = { 'CCEL.data.bin': 'CCEL_unpadded.data.bin' };
    let compared = 0;
    for (const [name, values] of Object.entries(rtmrs)) {
      const file = name.split('/').at(-1) ?? '';
      if (!name.startsWith('ccel/')) continue;
      const log = readEventLog(vectorBytes('event-logs/go-eventlog/ccel', names[file] ?? file));
      const replayed = replayEventLog(log.log, native).get('sha384');
      for (const [index, value] of Object.entries(values)) {
        const got = replayed?.get(Number(index.slice(4)) + 1);
        if (file === 'CCEL.data.bin') continue; // its values are made up
        expect(`${name} ${index} ${got && toHex(got)}`).toBe(`${name} ${index} ${value}`);
        compared++;
      }
    }
    expect(compared).toBe(6);
  });

  it('give the registers of a TDX quote', () => {
    const log = readEventLog(vectorBytes('tdx/go-tdx-guest/ccel_data.dat'));
    const quote = parseTdxQuote(vectorBytes('tdx/go-tdx-guest/cos-113-tdx-quote.dat'));
    const replayed = replayEventLog(log.log, native).get('sha384');
    expect([1, 2, 3].map((index) => replayed?.get(index))).toEqual(quote.rtmrs.slice(0, 3));
  });

  it('give RTMR 0 to 3 of a dstack TD from its JSON', () => {
    const tcb = vectorJson<Record<string, string>>('tdx/near-mpc/tcb_info.json');
    const log = readEventLog(vectorBytes('tdx/near-mpc/tcb_info.json'));
    expect(log).toMatchObject({ kind: 'dstack', registers: 'cc' });
    expect(log.log.events).toHaveLength(29);
    const replayed = replayEventLog(log.log, native).get('sha384');
    expect([0, 1, 2, 3].map((index) => toHex(replayed?.get(index + 1) ?? new Uint8Array(0)))).toEqual(
      [0, 1, 2, 3].map((index) => tcb[`rtmr${index}`]),
    );
  });

  it('refuse the bogus and the empty file with a clear message', () => {
    for (const file of ['binary_bios_measurements-bogus', 'binary_bios_measurements-empty'])
      expect(() => readEventLog(vectorBytes('event-logs/keylime', file))).toThrow(
        /empty|no event log that altee knows/,
      );
  });
});

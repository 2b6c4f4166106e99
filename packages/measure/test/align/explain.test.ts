import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  type Explanation,
  encodeEventLog,
  eventTypes,
  explainLog,
  explanationPageHtml,
  findQuirks,
  type Hasher,
  type LoggedEvent,
  MeasureError,
  observeEvents,
  parseEventLog,
  parsePcrValues,
  parsePredictionJson,
  predictedEventLog,
  predictionToJson,
  predictTpm,
  readEventLog,
  replayEventLog,
  solveRam,
  toHex,
} from '../../src/index.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const uki = makeUki('257', {
  '.osrel': ascii('ID=x'),
  '.cmdline': ascii('quiet ro'),
  '.initrd': ascii('initrd'),
  '.linux': makeKernel(),
});
const prediction = predictTpm({ uki, machine: { secureBoot: 'off' }, kernel: { ima: false } });
const recorded = parsePredictionJson(JSON.parse(JSON.stringify(predictionToJson(prediction))));
const log = predictedEventLog(prediction);

type Event = Pick<LoggedEvent, 'registerIndex' | 'untrustedEventType' | 'digests' | 'untrustedData'>;

/** The explanation of the predicted log with its events changed. */
function explain(change: (events: Event[]) => Event[] = (events) => events): Explanation {
  const { algorithms, events } = parseEventLog(log);
  return explainLog(recorded, readEventLog(encodeEventLog({ algorithms, events: change([...events]) })));
}

const named = ({ registers }: Explanation, name: string) =>
  registers.find(({ register }) => register === name) ?? expect.fail(name);
const text16 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(`${text}\0`, 'utf16le'));
const digestsOf = (bytes: Uint8Array) =>
  new Map(
    ['sha1', 'sha256', 'sha384', 'sha512'].map((bank) => [
      bank,
      Uint8Array.from(createHash(bank).update(bytes).digest()),
    ]),
  );
const loadOptions = (events: Event[]): number =>
  events.findIndex(
    ({ registerIndex, untrustedEventType }) =>
      registerIndex === 9 && untrustedEventType === eventTypes.EV_EVENT_TAG,
  );

/** The cause that is given when the kernel measures another command line. */
function commandLine(measured: Uint8Array): string | undefined {
  const result = explain((events) => {
    const index = loadOptions(events);
    const event = events[index] ?? expect.fail('no LoadOptions');
    return events.with(index, { ...event, digests: digestsOf(measured) });
  });
  const cause = named(result, 'PCR9').first?.cause;
  return `${cause?.certainty}: ${cause?.text}`;
}

describe('explainLog()', () => {
  it('calls a register equal when events and values are as predicted, and gives all rows', () => {
    const result = explain();
    expect(result.isEqual).toBe(true);
    expect(named(result, 'PCR11')).toMatchObject({
      status: 'equal',
      reason: '8 events, as predicted',
      first: undefined,
    });
    expect(named(result, 'PCR11').rows.map(({ relation }) => relation)).toEqual(Array(8).fill('equal'));
    expect(named(result, 'PCR5')).toMatchObject({
      status: 'not-predicted',
      reason: expect.stringContaining('host-dependent'),
    });
  });

  it('trusts a value that was read more than the log', () => {
    const right = toHex(prediction.registers[11]?.values.sha256 ?? new Uint8Array(0));
    const read = (value: string) =>
      explainLog(recorded, readEventLog(log), { values: { sha256: { 11: value } } });
    expect(named(read(right), 'PCR11').status).toBe('equal');
    expect(named(read('ab'.repeat(32)), 'PCR11')).toMatchObject({
      status: 'different',
      reason: expect.stringContaining('the log does not tell all'),
    });
  });

  it('proves nothing by a log that is damaged, but still names what differs before', () => {
    const damaged = explainLog(recorded, readEventLog(concatBytes([log, Uint8Array.of(9)])));
    expect(named(damaged, 'PCR11').status).toBe('not-observed');
    expect(damaged.isEqual).toBe(false);
    const cut = log.subarray(0, log.length - 300);
    expect(explainLog(recorded, readEventLog(cut)).first).toBeDefined();
  });

  it('compares nothing with a log of other registers or banks', () => {
    const other = encodeEventLog({
      headerIndex: 1,
      algorithms: [{ id: 0x0c, name: 'sha384', size: 48 }],
      events: [],
    });
    expect(named(explainLog(recorded, readEventLog(other)), 'PCR11').status).toBe('not-observed');
  });

  it.each([
    [
      'quiet ro debug',
      text16('quiet ro debug'),
      'proven: The command line is "quiet ro debug"; predicted was "quiet ro"',
    ],
    [
      'initrd=initrd before it',
      text16('initrd=initrd quiet ro'),
      'proven: The command line is "initrd=initrd quiet ro"; predicted was "quiet ro"',
    ],
    ['a word less', text16('quiet'), 'proven: The command line is "quiet"; predicted was "quiet ro"'],
    [
      'no NUL',
      text16('quiet ro').subarray(0, -2),
      'proven: The command line is as predicted, hashed without its NUL',
    ],
    ['ASCII', ascii('quiet ro'), 'proven: The command line is as predicted, hashed as ASCII'],
    [
      'something far',
      text16('x y z'),
      'likely: The command line was changed on the way from the image to the kernel, as the section is as predicted: by a boot loader or firmware; what comes from outside through the stub, PCR 12 would show',
    ],
  ])('solves a command line with %s', (_, measured, cause) => {
    expect(commandLine(measured)).toBe(cause);
  });

  it('looks in PCR 12 for a command line from outside the image', () => {
    const result = explain((events) => {
      const index = loadOptions(events);
      const event = events[index] ?? expect.fail('no LoadOptions');
      const outside: Event = {
        registerIndex: 12,
        untrustedEventType: eventTypes.EV_IPL,
        digests: digestsOf(text16('unheard of')),
        untrustedData: ascii('something else'),
      };
      return events
        .with(index, { ...event, digests: digestsOf(text16('x y z')) })
        .toSpliced(index, 0, outside);
    });
    expect(named(result, 'PCR9').first?.cause).toMatchObject({
      code: 'command-line',
      text: expect.stringMatching(/from outside the image .* PCR 12 shows: .*something else/),
    });
  });

  it('keeps the first difference where two logs part, whatever follows', () => {
    const result = explain((events) => {
      const at = events.findIndex(({ registerIndex }) => registerIndex === 11);
      const [name, contents] = events.slice(at, at + 2);
      return name && contents ? events.toSpliced(at, 2, contents, name) : events;
    });
    expect(named(result, 'PCR11').first?.position).toBe(0);
    expect(result.first?.register).toBe('PCR11');
  });

  it('finds a difference or says equal for every log, and throws MeasureError only', () => {
    const changes = fc.array(fc.tuple(fc.nat(log.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, (bytes) => {
        const changed = log.slice();
        for (const [at, byte] of bytes) changed[at] = byte;
        try {
          const { isEqual, registers } = explainLog(recorded, readEventLog(changed), { hasher: native });
          const replayed = replayEventLog(readEventLog(changed).log, native);
          for (const { register, registerIndex, status, values } of registers) {
            if (status !== 'equal') continue;
            for (const { bank, predicted } of values)
              expect(
                `${register} ${toHex(replayed.get(bank)?.get(registerIndex) ?? new Uint8Array(predicted.length / 2))}`,
              ).toBe(`${register} ${predicted}`);
          }
          expect(typeof isEqual).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe.skipIf(!haveVectors)('explainLog() on real boots', () => {
  it('a machine that is compared with its own log has no difference', () => {
    const boot = '07-forky-257-6.12-q72';
    const values = vectorJson<Record<string, Record<string, string>>>('ovmf-boots', boot, 'pcrs-guest.json');
    const read = parsePcrValues(JSON.stringify(values));
    const file = readEventLog(vectorBytes('ovmf-boots', boot, 'eventlog.bin'));
    const replayed = replayEventLog(file.log, native);
    for (const [bank, byIndex] of replayed)
      for (const [index, value] of byIndex) expect(toHex(value)).toBe(read[bank]?.[index]);
  });

  it('solveRam() reads the RAM out of a log', () => {
    const file = readEventLog(vectorBytes('tdx/go-tdx-guest/ccel_data.dat'));
    const digest = file.log.events[0]?.digests.get('sha384') ?? expect.fail();
    expect(solveRam(digest, native)).toEqual({ memoryBytes: 16 * 2 ** 30, vmm: 'gcp' });
  });
});

describe('explanationPageHtml()', () => {
  const hostile: Event[] = [
    {
      registerIndex: 8,
      untrustedEventType: eventTypes.EV_IPL,
      digests: digestsOf(ascii('x')),
      untrustedData: ascii('<script>alert(1)</script>"\'&'),
    },
  ];
  const { algorithms } = parseEventLog(log);
  const file = readEventLog(encodeEventLog({ algorithms, events: hostile }));
  const page = explanationPageHtml('<b>name</b>', {
    file,
    events: observeEvents(file),
    quirks: findQuirks(file),
    replayed: replayEventLog(file.log),
    explanation: explainLog(recorded, file),
  });

  it('escapes what the log and its name bring, and may load nothing', () => {
    expect(page).not.toMatch(/<script|<b>name/i);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('default-src &#39;none&#39;');
    expect(page).not.toMatch(/(src|href)=|url\(|@import/i);
  });

  it('draws the chain and names the first difference', () => {
    expect(page).toContain('class="chain"');
    expect(page).toContain('First difference');
  });
});

describe('parsePcrValues()', () => {
  it('reads what tpm2_pcrread prints, JSON, and lines', () => {
    const value = 'AB'.repeat(32);
    const wanted = { sha256: { 7: 'ab'.repeat(32) } };
    expect(parsePcrValues(`  sha256:\n    7 : 0x${value}\n`)).toEqual(wanted);
    expect(parsePcrValues(`{"sha256":{"7":"${value}"}}`)).toEqual(wanted);
    expect(parsePcrValues(`{"tpm":{"pcrs":{"sha256":{"7":"${value}"}}}}`)).toEqual(wanted);
    expect(parsePcrValues(`PCR-07: ${value}`)).toEqual(wanted);
    expect(parsePcrValues(`{"sha1":["${'00'.repeat(20)}"]}`)).toEqual({ sha1: { 0: '00'.repeat(20) } });
  });

  it.each([
    ['nothing', ''],
    ['a value of another length', '{"sha256":{"7":"abcd"}}'],
    ['a PCR that is none', `{"sha256":{"24":"${'ab'.repeat(32)}"}}`],
    ['two values for one PCR', `7 ${'ab'.repeat(32)}\n7 ${'cd'.repeat(32)}`],
    ['an unknown bank', `  sha999:\n    7 : 0x${'ab'.repeat(32)}`],
    ['broken JSON', '{"sha256"'],
  ])('refuses %s', (_, text) => {
    expect(() => parsePcrValues(text)).toThrow(MeasureError);
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGuid } from '../../src/bytes/guid.ts';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes, Writer } from '../../src/bytes/writer.ts';
import {
  authenticodeDigest,
  encodeGptEvent,
  MeasureError,
  parseEventLog,
  parseGpt,
  predictedEventLog,
  predictionToJson,
  predictReferenceLog,
  readPe,
  registerTrust,
  replayEventLog,
  toHex,
} from '../../src/index.ts';
import { makeDisk, makeEntry } from '../make-disk.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import {
  action,
  application,
  authority,
  type MadeEvent,
  makeLog,
  paths,
  separator,
  variable,
} from './make-log.ts';

const uki = (stub = '260') =>
  makeUki(stub, { '.cmdline': ascii('c'), '.initrd': ascii('i'), '.linux': makeKernel() });
const disk = makeDisk({ 0: makeEntry() });
const otherGpt = encodeGptEvent(parseGpt(makeDisk({ 0: makeEntry(undefined, 'other') })));
const none = new Uint8Array(0);

/** A boot's events by phase; each can be replaced. */
const phases = {
  early: [
    { pcr: 0, type: 'EV_S_CRTM_VERSION', data: ascii('1.0') },
    { pcr: 1, type: 'EV_CPU_MICROCODE', data: ascii('m') },
    { pcr: 2, type: 'EV_EFI_BOOT_SERVICES_DRIVER', data: ascii('rom') },
    { pcr: 6, type: 0x800, data: ascii('of the maker') },
  ],
  keys: [
    variable('SecureBoot', Uint8Array.of(0)),
    ...['PK', 'KEK', 'db', 'dbx'].map((name) => variable(name, none)),
    separator(7),
  ],
  drivers: [],
  attempt: [action(4, 'Calling EFI Application from Boot Option')],
  separators: [0, 1, 2, 3, 4, 5, 6].map((pcr) => separator(pcr)),
  late: [{ pcr: 1, type: 'EV_EFI_VARIABLE_BOOT', data: ascii('BootOrder') }],
  authority: [],
  table: [{ pcr: 5, type: 'EV_EFI_GPT_EVENT', data: otherGpt }],
  image: [application(4, 'another image')],
  loader: [
    application(4, 'a second program', paths.none),
    { pcr: 11, type: 'EV_IPL', data: ascii('section') },
    { pcr: 9, type: 'EV_EVENT_TAG', data: ascii('12345678') },
  ],
  exit: [action(5, 'Exit Boot Services Invocation'), action(5, 'Exit Boot Services Returned with Success')],
} satisfies Record<string, readonly MadeEvent[]>;
type Phases = { readonly [name in keyof typeof phases]?: readonly MadeEvent[] };

function predict(
  change: Phases = {},
  options: { stub?: string; disk?: Uint8Array | 'unpartitioned' | undefined; uki?: Uint8Array } = {},
) {
  const boot: Record<string, readonly MadeEvent[]> = { ...phases, ...change };
  return predictReferenceLog(
    {
      log: makeLog(Object.values(boot).flat()),
      uki: options.uki ?? uki(options.stub),
      disk: 'disk' in options ? options.disk : disk,
    },
    createHash,
  );
}
const register = (pcr: number, ...args: Parameters<typeof predict>) =>
  predict(...args).registers[pcr] ?? expect.fail();
const sha256 = (...parts: Uint8Array[]) =>
  Uint8Array.from(createHash('sha256').update(concatBytes(parts)).digest());
const extended = (...measured: Uint8Array[]) =>
  toHex(measured.reduce((value, data) => sha256(value, sha256(data)), new Uint8Array(32)));
const sha256Of = ({ values }: ReturnType<typeof register>) => toHex(values.sha256 ?? none);

describe('predictReferenceLog()', () => {
  it('has the banks of the log', () => {
    expect(predict().banks).toEqual(['sha256', 'sha384']);
  });

  it('copies what firmware extended, in a register of vendor events as well', () => {
    expect(sha256Of(register(0))).toBe(extended(ascii('1.0'), new Uint8Array(4)));
    expect(sha256Of(register(1, {}, { stub: '257' }))).toBe(
      extended(ascii('m'), new Uint8Array(4), ascii('BootOrder')),
    );
    expect(sha256Of(register(6))).toBe(extended(ascii('of the maker'), new Uint8Array(4)));
    expect(register(6).events[0]).toMatchObject({
      eventType: '0x00000800',
      source: { kind: 'reference-log', index: 3 },
    });
  });

  it('puts the image where the other one was, and the partition table where the other one was', () => {
    const image = uki();
    const calling = ascii('Calling EFI Application from Boot Option');
    const programs = [
      sha256(calling),
      sha256(new Uint8Array(4)),
      authenticodeDigest(image, readPe(image), 'sha256'),
    ];
    expect(sha256Of(register(4))).toBe(
      toHex(programs.reduce((value, digest) => sha256(value, digest), new Uint8Array(32))),
    );
    const exits = [ascii('Exit Boot Services Invocation'), ascii('Exit Boot Services Returned with Success')];
    expect(sha256Of(register(5))).toBe(extended(new Uint8Array(4), encodeGptEvent(parseGpt(disk)), ...exits));
    const before: Phases = { early: [...phases.early, ...phases.table], table: [] };
    expect(sha256Of(register(5, before))).toBe(
      extended(encodeGptEvent(parseGpt(disk)), new Uint8Array(4), ...exits),
    );
  });

  it('takes nothing of the other image into PCR 8 and up', () => {
    const { registers } = predict();
    for (const pcr of [8, 9, 11, 12, 13, 14, 15]) {
      expect(registers[pcr]).toMatchObject({ status: pcr === 11 ? 'predicted' : 'assumed' });
      expect(registerTrust(registers[pcr] ?? expect.fail())).toBe('computed');
    }
    expect(registers[11]?.events).not.toHaveLength(1);
  });

  it('promises nothing of what takes things from outside, where the log shows that something came', () => {
    const loader: MadeEvent[] = [
      ...phases.loader,
      { pcr: 12, type: 'EV_IPL', data: ascii('a command line') },
    ];
    const { registers } = predict({ loader });
    const statuses = [8, 9, 11, 12, 13, 14].map((pcr) => `${pcr} ${registers[pcr]?.status}`);
    expect(statuses).toEqual([
      '8 assumed',
      '9 host-dependent',
      '11 predicted',
      '12 host-dependent',
      '13 host-dependent',
      '14 assumed',
    ]);
    expect(registers[9]?.reason).toMatch(/event \d+, PCR 12/);
  });

  it('gives nothing but PCR 11 where it is not certain which events are the firmware’s', () => {
    const { registers } = predict({ image: [], loader: [] });
    expect(registers.slice(8).map(({ status }) => status)).toEqual([
      ...Array.from({ length: 3 }, () => 'unpredictable'),
      'predicted',
      ...Array.from({ length: 4 }, () => 'unpredictable'),
    ]);
  });

  it('never calls a register predicted that has a copied event, and marks how much is copied', () => {
    const { registers } = predict();
    expect(registers.map((each) => `${each.status} ${registerTrust(each)}`).slice(0, 8)).toEqual([
      'assumed from-log',
      'assumed from-log',
      'assumed from-log',
      'assumed from-log',
      'assumed mixed',
      'assumed mixed',
      'assumed from-log',
      'assumed from-log',
    ]);
    const json = predictionToJson(predict()).registers;
    expect([json['PCR0']?.trust, json['PCR4']?.trust, json['PCR11']?.trust]).toEqual([
      'from-log',
      'mixed',
      undefined,
    ]);
  });

  it('gives a log whose replay has the predicted values', () => {
    for (const change of [{}, { early: [...phases.early, ...phases.table], table: [] }]) {
      const prediction = predict(change);
      const replayed = replayEventLog(parseEventLog(predictedEventLog(prediction)), createHash);
      for (const { registerIndex, values, events } of prediction.registers) {
        if (events.length > 0) expect(replayed.get('sha384')?.get(registerIndex)).toEqual(values.sha384);
      }
    }
  });

  it('keeps programs out of firmware volumes, which are started before the image', () => {
    const { events } = register(4, { late: [...phases.late, application(4, 'agent', paths.firmware)] });
    expect(events.map(({ source }) => source.kind)).toEqual([
      'reference-log',
      'reference-log',
      'reference-log',
      'image',
    ]);
  });

  it.each([
    [
      'several attempts',
      { late: [action(4, 'Calling EFI Application from Boot Option')] },
      'more than one boot attempt',
    ],
    [
      'a program that returned',
      { late: [action(4, 'Returning from EFI Application from Boot Option')] },
      'more than one boot attempt',
    ],
    ['no program', { image: [], loader: [] }, 'firmware measured none'],
    ['a program from nowhere', { image: [application(4, 'x', paths.none)] }, 'does not say where'],
    [
      'a separator behind the image',
      { separators: phases.separators.slice(0, 6), loader: [separator(6)] },
      'behind the application',
    ],
    ['two separators', { late: [separator(4)] }, 'not one good separator in PCR 4'],
    [
      'an error at the separator',
      { separators: phases.separators.map(({ pcr }) => separator(pcr, pcr === 4 ? 1 : 0)) },
      'not one good separator in PCR 4',
    ],
    [
      'no separator',
      { separators: phases.separators.filter(({ pcr }) => pcr !== 4) },
      'not one good separator in PCR 4',
    ],
  ] satisfies [string, Phases, string][])(
    'gives PCR 4 and 5 no value where the log has %s',
    (_, change, reason) => {
      expect(register(4, change)).toMatchObject({
        status: 'unpredictable',
        values: {},
        reason: expect.stringContaining(reason),
      });
      expect(register(5, change)).toMatchObject({ status: 'unpredictable', values: {} });
    },
  );

  it.each([
    ['of PCR 2 behind the start', 2, { loader: [application(2, 'as on some clouds')] }],
    ['of PCR 1 behind the start', 1, { loader: [{ pcr: 1, type: 'EV_IPL', data: ascii('x') }] }],
    ['partition tables, or one', 5, { table: [...phases.table, ...phases.table] }],
    ['partition tables, or one', 5, { table: [], loader: phases.table }],
    [
      'not measured by a rule',
      5,
      { table: [{ pcr: 5, type: 'EV_EFI_GPT_EVENT', data: otherGpt, measured: ascii('x') }] },
    ],
    [
      'hand-over',
      5,
      {
        exit: [
          action(5, 'Exit Boot Services Invocation'),
          action(5, 'Exit Boot Services Returned with Failure'),
          ...phases.exit,
        ],
      },
    ],
    ['names an authority', 7, { authority: [authority(ascii('x'))] }],
    [
      'firmware itself extends PCR 11',
      11,
      { late: [{ pcr: 11, type: 'EV_COMPACT_HASH', data: ascii('x') }] },
    ],
  ] satisfies [string, number, Phases][])('says "%s" and gives PCR %i no value', (reason, pcr, change) => {
    const found = register(pcr, change, { stub: '257' });
    expect(found).toMatchObject({
      status: 'unpredictable',
      values: {},
      reason: expect.stringContaining(reason),
    });
  });

  it('needs a disk, a whole log and, to know how a partition table is measured, one in the log', () => {
    expect(register(5, {}, { disk: undefined })).toMatchObject({ status: 'host-dependent' });
    expect(register(5, { exit: [] })).toMatchObject({ status: 'host-dependent' });
    expect(register(5, { table: [] })).toMatchObject({ status: 'host-dependent' });
    expect(register(5, { table: [] }, { disk: 'unpartitioned' })).toMatchObject({ status: 'assumed' });
    expect(register(5, {}, { disk: 'unpartitioned' }).events).toHaveLength(3);
  });

  it('takes the stub’s SMBIOS events over from a stub that measures them, for one that does', () => {
    const smbios: MadeEvent = {
      pcr: 1,
      type: 'EV_EVENT_TAG',
      data: new Writer().u32(0xd5cb7cbc).u32(0).finish(),
    };
    const measured: Phases = { loader: [smbios, ...phases.loader] };
    expect(register(1, measured, { stub: '262' }).events).toHaveLength(4);
    expect(register(1, measured, { stub: '257' }).events).toHaveLength(3);
    expect(register(1, {}, { stub: '262' })).toMatchObject({ status: 'host-dependent' });
    expect(register(1, {}, { stub: '261' })).toMatchObject({ status: 'unpredictable' });
  });

  it('does not guess whether the kernel is measured where the log does not tell of Secure Boot', () => {
    const silent: Phases = { keys: [separator(7)] };
    expect(register(4, silent, { stub: '257' })).toMatchObject({ status: 'host-dependent' });
    expect(register(4, silent, { stub: '262' })).toMatchObject({ status: 'assumed' });
    expect(register(7, silent)).toMatchObject({ status: 'host-dependent' });
    const forged = { ...variable('SecureBoot', Uint8Array.of(0)), measured: ascii('x') };
    expect(register(7, { keys: [forged, ...phases.keys.slice(1)] })).toMatchObject({
      status: 'host-dependent',
    });
  });
});

describe('predictReferenceLog() with Secure Boot on', () => {
  const image = uki();
  const owner = parseGuid('11111111-2222-3333-4444-555555555555');
  /** db with digests: of the image, and of another. */
  const digests = [authenticodeDigest(image, readPe(image), 'sha256'), sha256(ascii('other'))];
  const [ours, others] = digests.map((digest) => concatBytes([owner, digest]));
  const db = concatBytes(
    digests.map((digest) =>
      new Writer()
        .bytes(parseGuid('c1c41626-504c-4092-aca9-41f936934328'))
        .u32(28 + 48)
        .u32(0)
        .u32(48)
        .bytes(owner)
        .bytes(digest)
        .finish(),
    ),
  );
  const keys = [
    variable('SecureBoot', Uint8Array.of(1)),
    variable('PK', ascii('a platform key')),
    variable('KEK', none),
    variable('db', db),
    variable('dbx', none),
    separator(7),
  ];
  const measured = keys.map(({ data }) => data);
  const entry = (encoded: Uint8Array | undefined) => authority(encoded ?? none);

  it('puts the entry of db that vouches for the image in place of the other image’s', () => {
    const found = register(7, { keys, authority: [entry(others)] }, { uki: image });
    expect(sha256Of(found)).toBe(extended(...measured, entry(ours).data));
    expect(registerTrust(found)).toBe('mixed');
  });

  it('measures an entry once, where it vouched for a driver already', () => {
    const found = register(7, { keys, drivers: [entry(ours)], authority: [] }, { uki: image });
    expect(sha256Of(found)).toBe(extended(...measured, entry(ours).data));
    const both = register(7, { keys, drivers: [entry(others)], authority: [entry(ours)] }, { uki: image });
    expect(sha256Of(both)).toBe(extended(...measured, entry(others).data, entry(ours).data));
  });

  it('drops what other loaders measured behind the start', () => {
    const found = register(
      7,
      { keys, authority: [entry(others)], loader: [authority(ascii('SbatLevel'))] },
      { uki: image },
    );
    expect(found.events).toHaveLength(7);
  });

  it('gives no value where the log names no authority, or several', () => {
    expect(register(7, { keys }, { uki: image })).toMatchObject({ status: 'unpredictable' });
    expect(register(7, { keys, authority: [entry(ours), entry(others)] }, { uki: image })).toMatchObject({
      status: 'unpredictable',
    });
  });

  it('gives nothing of what comes behind the refusal of an image that db does not hold', () => {
    const { registers } = predict({ keys, authority: [entry(others)] }, { stub: '257' });
    for (const { registerIndex, status, values } of registers) {
      const isFirmwares = [0, 1, 2, 3, 6].includes(registerIndex);
      expect(`${registerIndex} ${status}`).toBe(
        `${registerIndex} ${isFirmwares ? 'assumed' : 'unpredictable'}`,
      );
      if (!isFirmwares) expect(values).toEqual({});
    }
  });
});

describe('whatever the log', () => {
  const log = makeLog(Object.values(phases).flat());
  it('nothing but our own error comes out', () => {
    const image = uki('257');
    const hostile = fc
      .record({
        at: fc.nat(log.length - 1),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
        cut: fc.nat(log.length),
      })
      .map(({ at, bytes, cut }) => {
        const broken = Uint8Array.from(log);
        broken.set(bytes.subarray(0, log.length - at), at);
        return cut % 4 === 0 ? broken.subarray(0, cut) : broken;
      });
    fc.assert(
      fc.property(hostile, (bytes) => {
        try {
          predictReferenceLog({ log: bytes, uki: image, disk }, createHash);
        } catch (error) {
          if (!(error instanceof MeasureError)) throw error;
        }
      }),
      { numRuns: 200 },
    );
  });
});

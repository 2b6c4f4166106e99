import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii, utf16z } from '../../src/bytes/text.ts';
import { concatBytes, Writer } from '../../src/bytes/writer.ts';
import {
  checkDigests,
  describeEvent,
  type EventTypeName,
  encodeGptEvent,
  encodeVariableData,
  eventTypes,
  findQuirks,
  type Hasher,
  type LoggedEvent,
  observeEvents,
  parseGpt,
  readEventLog,
  variableGuids,
} from '../../src/index.ts';
import { devicePathText } from '../../src/tcg/decode/device-path-text.ts';
import { encodeImageLoadEvent, encodeTaggedEvent } from '../../src/tcg/event-data.ts';
import { devicePath, filePathNode, vendorMediaNode } from '../../src/uefi/device-path.ts';
import { encodeSignatureList, signatureTypes } from '../../src/uefi/signature-list.ts';
import { makeDisk, makeEntry } from '../make-disk.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const sha256 = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(bytes).digest());

function say(type: EventTypeName, data: Uint8Array): string {
  return describeEvent({ untrustedEventType: eventTypes[type], untrustedData: data }).text;
}

function check(type: EventTypeName, data: Uint8Array, measured: Uint8Array) {
  return checkDigests({
    index: 0,
    offset: 0,
    registerIndex: 0,
    untrustedEventType: eventTypes[type],
    digests: new Map([['sha256', sha256(measured)]]),
    untrustedData: data,
  });
}

const variable = (name: string, data: Uint8Array): Uint8Array =>
  encodeVariableData(variableGuids.global, name, data);
const bootOption = new Writer()
  .u32(1)
  .u16(4 + 4)
  .bytes(utf16z('disk'))
  .bytes(Uint8Array.of(4, 4, 4, 0))
  .bytes(Uint8Array.of(0x7f, 0xff, 4, 0))
  .finish();

describe('describeEvent() says', () => {
  it.each<[EventTypeName, Uint8Array, string]>([
    ['EV_SEPARATOR', new Uint8Array(4), 'separator'],
    ['EV_SEPARATOR', Uint8Array.of(1, 0, 0, 0), 'separator that tells of an error'],
    ['EV_SEPARATOR', ascii('WBCL'), 'separator with data of its own: "WBCL"'],
    ['EV_EFI_ACTION', ascii('Exit Boot Services Invocation'), '"Exit Boot Services Invocation"'],
    ['EV_S_CRTM_VERSION', utf16z('2026.08'), 'firmware version "2026.08"'],
    ['EV_EFI_VARIABLE_DRIVER_CONFIG', variable('SecureBoot', Uint8Array.of(1)), 'variable SecureBoot: on'],
    ['EV_EFI_VARIABLE_DRIVER_CONFIG', variable('PK', new Uint8Array(0)), 'variable PK: empty'],
    [
      'EV_EFI_VARIABLE_DRIVER_CONFIG',
      variable(
        'dbx',
        encodeSignatureList(signatureTypes.sha256, [
          { owner: variableGuids.global, data: new Uint8Array(32) },
        ]),
      ),
      'variable dbx: 1 SHA-256 digest',
    ],
    [
      'EV_EFI_VARIABLE_BOOT',
      variable('BootOrder', Uint8Array.of(2, 0, 0x1f, 0)),
      'variable BootOrder: order 0002, 001F',
    ],
    ['EV_EFI_VARIABLE_BOOT', variable('Boot0002', bootOption), 'variable Boot0002: "disk" '],
    [
      'EV_EFI_PLATFORM_FIRMWARE_BLOB',
      new Writer().u64(0x820000).u64(0xe0000).finish(),
      'firmware volume of 0xe0000 bytes at 0x820000',
    ],
    [
      'EV_PLATFORM_CONFIG_FLAGS',
      concatBytes([ascii('QEMU FW CFG\0'), ascii('bootorder'), new Uint8Array(47)]),
      'file "bootorder" of fw_cfg',
    ],
    [
      'EV_EVENT_TAG',
      encodeTaggedEvent(0x8f3b22ec, ascii('Linux initrd\0')),
      'initrd (Linux): "Linux initrd"',
    ],
    ['EV_IPL', utf16z('.linux'), 'section ".linux"'],
    ['EV_IPL', ascii('grub_cmd: set a=b\0'), 'command of GRUB "set a=b"'],
    ['EV_NO_ACTION', ascii('StartupLocality\0\x03'), 'start-up locality 3: PCR 0 started from it'],
    ['EV_NO_ACTION', ascii('StartupLocality\0'), 'start-up locality, without its value'],
    ['EV_COMPACT_HASH', Uint8Array.of(1, 2), 'compact hash of 2 bytes 0102'],
    [
      'EV_EFI_HANDOFF_TABLES',
      new Writer().u64(2n ** 63n).finish(),
      'data of another form, of 8 bytes 0000000000000080',
    ],
  ])('%s as it is', (type, data, text) => {
    expect(say(type, data)).toBe(text);
  });

  it('an image by its device path, and a partition table by its disk', () => {
    const path = devicePath(
      vendorMediaNode('55c5d1f8-04cd-46b5-8a20-e56cbb3052d0'),
      filePathNode('\\EFI\\a.efi'),
    );
    const load = encodeImageLoadEvent({ location: 0n, length: 1, linkTimeAddress: 0n, devicePath: path });
    expect(say('EV_EFI_BOOT_SERVICES_APPLICATION', load)).toBe(
      'application VenMedia(systemd-stub payload)\\EFI\\a.efi',
    );
    const gpt = encodeGptEvent(parseGpt(makeDisk({ 0: makeEntry() })));
    const { text, details } = describeEvent({
      untrustedEventType: eventTypes.EV_EFI_GPT_EVENT,
      untrustedData: gpt,
    });
    expect(text).toBe('partition table of disk 11111111-2222-3333-4444-555555555555 with 1 partition');
    expect(details).toEqual([
      '"esp": EFI system partition (c12a7328-f81f-11d2-ba4b-00a0c93ec93b), aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee, blocks 2048 to 4095',
    ]);
  });

  it('something for every type and every data, bounded and without throwing', () => {
    const types = Object.values(eventTypes);
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => concatBytes([new Uint8Array(16), bytes])),
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...types), fc.nat()),
        data,
        (untrustedEventType, untrustedData) => {
          const { text, details } = describeEvent({ untrustedEventType, untrustedData });
          expect(text.length).toBeLessThan(3000);
          expect(details.length).toBeLessThan(70);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('the first bytes alone of data that no firmware and no loader logs, whatever it claims to be', () => {
    const data = new Uint8Array(8 << 20).fill(0x41);
    const start = performance.now();
    for (const untrustedEventType of Object.values(eventTypes)) {
      const event = { untrustedEventType, untrustedData: data };
      expect(describeEvent(event).text).toBe(
        `data that is too long to decode, of 8388608 bytes ${'41'.repeat(24)}…`,
      );
      expect(describeEvent({ ...event, untrustedContentType: 'systemd' }).text).toMatch(
        /^data that is too long/,
      );
    }
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('devicePathText()', () => {
  it('shows the paths that firmware logs', () => {
    const path = Uint8Array.from(
      '02010c00d041030a00000000010106000001030a140000000000000000000000000000000000'.match(/../g) ?? [],
      (hex) => Number.parseInt(hex, 16),
    );
    expect(devicePathText(path)).toBe(
      'PciRoot(0x0)/Pci(0x1,0x0)/VenMsg(00000000-0000-0000-0000-000000000000)…',
    );
  });

  it('shows unknown nodes as bytes, and marks a path that is cut', () => {
    expect(devicePathText(Uint8Array.of(9, 9, 5, 0, 0xab, 0x7f, 0xff, 4, 0))).toBe('Path(9,9,ab)');
    expect(devicePathText(Uint8Array.of(4, 4, 200, 0, 1))).toBe('…');
    expect(devicePathText(Uint8Array.of(1, 1, 5, 0, 1, 0x7f, 0xff, 4, 0))).toBe('Path(1,1,01)');
  });
});

describe('checkDigests()', () => {
  it('verifies where the digest is of the data', () => {
    const data = variable('PK', ascii('x'));
    expect(check('EV_EFI_VARIABLE_DRIVER_CONFIG', data, data)).toEqual({
      verdict: 'verified',
      reason: 'the digests are of its data',
    });
    expect(check('EV_EFI_VARIABLE_BOOT', data, ascii('x')).reason).toBe(
      'the digests are of the variable’s contents',
    );
  });

  it('tells a lie', () => {
    expect(check('EV_EFI_VARIABLE_DRIVER_CONFIG', variable('PK', ascii('x')), ascii('other')).verdict).toBe(
      'mismatch',
    );
    expect(check('EV_EFI_ACTION', ascii('a'), ascii('b')).verdict).toBe('mismatch');
    expect(check('EV_SEPARATOR', new Uint8Array(4), ascii('b')).verdict).toBe('mismatch');
    // Data that are no variable can't have been measured as one.
    expect(check('EV_EFI_VARIABLE_DRIVER_CONFIG', ascii('x'), ascii('y')).verdict).toBe('mismatch');
  });

  it('promises nothing where the digest is of something else', () => {
    expect(check('EV_EFI_BOOT_SERVICES_APPLICATION', ascii('x'), ascii('x')).verdict).toBe('not-covered');
    expect(check('EV_IPL', ascii('file'), ascii('contents')).verdict).toBe('not-covered');
    expect(check('EV_NO_ACTION', ascii('x'), ascii('x'))).toEqual({
      verdict: 'not-covered',
      reason: 'it extends nothing',
    });
  });

  it('knows what loaders hash', () => {
    expect(check('EV_IPL', ascii('grub_cmd: ls\0'), ascii('ls')).verdict).toBe('verified');
    expect(check('EV_IPL', ascii('grub_cmd: ls\0'), ascii('ls\0')).verdict).toBe('verified');
    expect(check('EV_IPL', utf16z('.linux'), ascii('.linux\0')).reason).toBe('the digests are of the name');
    const old = concatBytes([variable('Shim', ascii('cert')), Uint8Array.of(0, 0xaf)]);
    expect(check('EV_EFI_VARIABLE_AUTHORITY', old, old.subarray(0, -1)).verdict).toBe('verified');
  });

  it('needs all banks to agree', () => {
    const data = ascii('x');
    const digests = new Map([
      ['sha256', sha256(data)],
      ['sha1', new Uint8Array(20)],
    ]);
    const event = {
      index: 0,
      offset: 0,
      registerIndex: 0,
      untrustedEventType: eventTypes.EV_EFI_ACTION,
      digests,
      untrustedData: data,
    };
    expect(checkDigests(event).verdict).toBe('mismatch');
    const unknown = { ...event, digests: new Map([['sm3_256', new Uint8Array(32)]]) };
    expect(checkDigests(unknown)).toEqual({
      verdict: 'not-covered',
      reason: 'no digest that can be recomputed',
    });
  });

  it.skipIf(!haveVectors)('finds no lie in any real log', () => {
    for (const file of [
      'tpm/rhel8-uefi.bin',
      'tpm/cos-93-amd-sev.bin',
      'tpm/debian-10.bin',
      'legacydata/sb_cert_eventlog',
      'legacydata/option_rom_eventlog',
    ]) {
      const events = observeEvents(readEventLog(vectorBytes('event-logs/go-eventlog', file)), native);
      expect(
        events.filter(({ check: { verdict } }) => verdict === 'mismatch').map(({ said }) => said.text),
      ).toEqual([]);
    }
  });

  it.skipIf(!haveVectors)('verifies each event of dstack’s agent', () => {
    const events = observeEvents(readEventLog(vectorBytes('tdx/near-mpc/tcb_info.json')), native);
    const own = events.filter(({ untrustedType }) => untrustedType === 'dstack');
    expect(own.map(({ check: { verdict } }) => verdict)).toEqual(Array(9).fill('verified'));
    const tcb = vectorJson<{ compose_hash: string }>('tdx/near-mpc/tcb_info.json');
    expect(own.find(({ said }) => said.subject === 'dstack compose-hash')?.said.text).toBe(
      `dstack's compose-hash: ${tcb.compose_hash}`,
    );
  });
});

describe.skipIf(!haveVectors)('findQuirks()', () => {
  const quirks = (...path: string[]) =>
    findQuirks(readEventLog(vectorBytes(...path))).map(({ code }) => code);
  const go = (file: string) => quirks('event-logs/go-eventlog', file);

  it('names what real logs have', () => {
    expect(go('legacydata/short_no_action_eventlog')).toEqual(['extends-nothing']);
    expect(go('legacydata/ebs_event_missing_eventlog')).toEqual(['exit-missing']);
    expect(quirks('event-logs/tpm2-tools/event-uefivar.bin')).toContain('bank-incomplete');
    expect(quirks('ovmf-boots/13-forky-secboot-262-own-keys-2g/eventlog.bin')).toEqual([]);
  });

  it('names two separators in RTMR0 as those of old edk2 only where old edk2 writes them', () => {
    const dupe = readEventLog(
      vectorBytes('event-logs/go-eventlog/ccel/cos-113-intel-tdx-dupe-separator.bin'),
    );
    const found = (events: readonly LoggedEvent[]) =>
      findQuirks({ ...dupe, log: { ...dupe.log, events } }).filter(({ code }) => code === 'rtmr-separators');
    const { events } = dupe.log;
    const at = events.findLastIndex(
      ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_SEPARATOR,
    );
    const second = events[at] ?? expect.fail();
    expect(found(events)).toMatchObject([
      { text: expect.stringContaining('edk2 before 202411'), eventIndex: 15 },
    ]);
    const elsewhere = [...events.toSpliced(at, 1), second];
    expect(found(elsewhere)).toMatchObject([
      { text: expect.stringContaining('and RTMR1 none, where no known') },
    ]);
    expect(found(events.with(at, { ...second, untrustedData: Uint8Array.of(1, 0, 0, 0) }))).toMatchObject([
      { text: expect.stringContaining('where no known') },
    ]);
    expect(found([...events, second])).toMatchObject([{ text: expect.stringContaining('3 separators') }]);
    const both = [...events, { ...second, registerIndex: 2 }];
    expect(found(both)).toMatchObject([{ text: expect.stringContaining('2 separators, where no known') }]);
    expect(found(events.with(at, { ...second, registerIndex: 2 }))).toEqual([]);
    expect(go('ccel/cos-113-intel-tdx.bin')).not.toContain('rtmr-separators');
    expect(go('ccel/event_log.bin')).not.toContain('rtmr-separators');
  });
});

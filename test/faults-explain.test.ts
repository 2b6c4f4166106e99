import { createHash } from 'node:crypto';
import {
  type CauseCode,
  type EventLogContents,
  type EventTypeName,
  type Explanation,
  encodeCertificateLists,
  encodeEventLog,
  encodeVariableData,
  eventTypes,
  explainLog,
  type Hasher,
  hashNames,
  type Machine,
  type Prediction,
  parseEventLog,
  parsePredictionJson,
  predictedEventLog,
  predictionToJson,
  predictTdx,
  predictTpm,
  readEventLog,
  type TdxPredictionInput,
  variableGuids,
} from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { encodeRsdp } from '../packages/measure/src/acpi/rsdp.ts';
import { ascii, utf16z } from '../packages/measure/src/bytes/text.ts';
import { encodeImageLoadEvent } from '../packages/measure/src/tcg/event-data.ts';
import { devicePath, filePathNode } from '../packages/measure/src/uefi/device-path.ts';
import { makeDisk, makeEntry, seal } from '../packages/measure/test/make-disk.ts';
import { makeKernel, makeUki } from '../packages/measure/test/make-pe.ts';
import { classicSections, shiftedSections } from '../packages/measure/test/tdx/sections.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const digestsOf = (bytes: Uint8Array): Map<string, Uint8Array> =>
  new Map(hashNames.map((bank) => [bank, Uint8Array.from(createHash(bank).update(bytes).digest())]));

const sections = {
  '.osrel': ascii('ID=altee\n'),
  '.cmdline': ascii('console=ttyS0 quiet'),
  '.initrd': ascii('initrd '),
  '.linux': makeKernel(),
  '.uname': ascii('6.12.107'),
  '.sbat': ascii('sbat,1'),
};

/** QEMU's files for a machine: `grown` moves the RSDT, `inside` changes the tables without moving it. */
function fwCfg({ grown = 0, inside = 0, smbios = 0 } = {}): Record<string, Uint8Array> {
  return {
    'etc/table-loader': new Uint8Array(4096).fill(grown & 0xff, 0, 1),
    'etc/acpi/rsdp': encodeRsdp(8823 + grown),
    'etc/tpm/log': new Uint8Array(65_536),
    'etc/acpi/tables': new Uint8Array(131_072).fill(grown + inside, 100, 101),
    'etc/smbios/smbios-tables': Uint8Array.of(17, 8, 0, 17, smbios, 0, 0, 0, 0, 0, 127, 4, 1, 127, 0, 0),
  };
}

const disk = (name: string, bootIndex: number) => ({
  kind: 'disk' as const,
  description: name,
  path: devicePath(filePathNode(`\\${name}`)),
  bootIndex,
});

const qemu: NonNullable<Machine['qemu']> = {
  version: '10.0.7',
  chipset: 'q35',
  memoryMib: 512,
  vcpus: 1,
  cpu: { vendor: 'AuthenticAMD', physicalAddressBits: 40 },
  fwCfg: fwCfg(),
  bootDevices: [disk('UEFI Misc Device', 0), disk('UEFI Misc Device 2', 1)],
  hasBootIndex: true,
  directBoot: false,
};

const machine: Machine = {
  secureBoot: 'off',
  disk: makeDisk({ 0: makeEntry() }),
  optionRoms: false,
  firmware: {
    // Debian OVMF 2026.08, an empty variable store
    codeSha256: '7e34e3b83224968bb0714c0ebc88f75c5c37b4cc892c902e511ccc7a7c107f94',
    varsSha256: '5d2ac383371b408398accee7ec27c8c09ea5b74a0de0ceea6513388b15be5d1e',
  },
  qemu,
};

interface Boot {
  readonly stub?: string;
  readonly sections?: Readonly<Record<string, Uint8Array>>;
  readonly machine?: Machine;
}

function boot({
  stub = '257.13',
  sections: own = sections,
  machine: where = machine,
}: Boot = {}): Prediction {
  return predictTpm({ uki: makeUki(stub, own), machine: where, kernel: { ima: false } }, native);
}

type LogEvent = EventLogContents['events'][number];
const event = (registerIndex: number, type: EventTypeName, data: Uint8Array, measured = data): LogEvent => ({
  registerIndex,
  untrustedEventType: eventTypes[type],
  digests: digestsOf(measured),
  untrustedData: data,
});

/** What the machine logs: its boot, and then what is done to the log's events. */
function logOf(
  prediction: Prediction,
  change: (events: LogEvent[]) => LogEvent[] = (events) => events,
): Uint8Array {
  const { algorithms, events } = parseEventLog(predictedEventLog(prediction));
  return encodeEventLog({
    headerIndex: prediction.technology === 'tdx' ? 1 : 0,
    algorithms,
    events: change([...events]),
  });
}

/** As `altee explain` does it: the prediction comes out of a file. */
function explain(prediction: Prediction, log: Uint8Array): Explanation {
  const recorded = parsePredictionJson(JSON.parse(JSON.stringify(predictionToJson(prediction))));
  return explainLog(recorded, readEventLog(log), { hasher: native });
}

const at = (events: readonly LogEvent[], registerIndex: number, type: EventTypeName, nth = 0): number => {
  const found = events.flatMap((each, index) =>
    each.registerIndex === registerIndex && each.untrustedEventType === eventTypes[type] ? [index] : [],
  )[nth];
  return found ?? expect.fail(`no ${type} in register ${registerIndex}`);
};
const without = (name: string): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(sections).filter(([each]) => each !== name));
const variable = (guid: string, name: string, data: Uint8Array): Uint8Array =>
  encodeVariableData(guid, name, data);
const image = (path: string): Uint8Array =>
  encodeImageLoadEvent({
    location: 0n,
    length: 4096,
    linkTimeAddress: 0n,
    devicePath: devicePath(filePathNode(path)),
  });

/** A machine that differs in one thing, and what has to be said of it. */
interface Fault {
  readonly name: string;
  readonly boot?: Boot;
  readonly log?: (events: LogEvent[]) => LogEvent[];
  /** Register and position of the first difference of the whole log, and its cause. */
  readonly expected: readonly [register: string, position: number, code: CauseCode, text: RegExp];
}

const changed = (name: string, data: Uint8Array): Boot => ({ sections: { ...sections, [name]: data } });
const onQemu = (facts: Partial<typeof qemu>): Boot => ({
  machine: { ...machine, qemu: { ...qemu, ...facts } },
});
const byteOff = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 1, 0x55);

const faults: readonly Fault[] = [
  {
    name: 'one byte in the kernel',
    boot: changed('.linux', byteOff(sections['.linux'])),
    expected: ['PCR4', 2, 'kernel', /kernel \(\.linux\) is another/],
  },
  {
    name: 'another kernel command line',
    boot: changed('.cmdline', ascii('console=ttyS0 debug')),
    expected: ['PCR4', 2, 'command-line', /command line \(\.cmdline\)/],
  },
  {
    name: 'another initrd',
    boot: changed('.initrd', ascii('INITRD ')),
    expected: ['PCR4', 2, 'initrd', /initrd \(\.initrd\) is another/],
  },
  {
    name: 'no initrd',
    boot: { sections: without('.initrd') },
    expected: ['PCR4', 2, 'initrd', /is missing/],
  },
  {
    name: 'another os-release',
    boot: changed('.osrel', ascii('ID=other\n')),
    expected: ['PCR4', 2, 'os-release', /\.osrel/],
  },
  { name: 'an old stub', boot: { stub: '252.39' }, expected: ['PCR4', 2, 'stub', /of version 252 to 253/] },
  { name: 'a new stub', boot: { stub: '258' }, expected: ['PCR4', 2, 'stub', /of version 258/] },
  {
    name: 'another disk GUID',
    boot: { machine: { ...machine, disk: otherDisk() } },
    expected: ['PCR5', 1, 'partition-table', /the disk is 99999999-2222/],
  },
  {
    name: 'the disk of an image with another command line, as altee writes it',
    boot: {
      ...changed('.cmdline', ascii('console=ttyS0 debug')),
      machine: { ...machine, disk: otherDisk(makeEntry().fill(0x77, 16, 32)) },
    },
    expected: [
      'PCR5',
      1,
      'command-line',
      /command line \(\.cmdline\) is another one; .* follow from the image/,
    ],
  },
  {
    name: 'one more partition',
    boot: { machine: { ...machine, disk: makeDisk({ 0: makeEntry(), 1: makeEntry(undefined, 'data') }) } },
    expected: ['PCR5', 1, 'partition-table', /2 partitions, predicted were 1/],
  },
  {
    name: 'a disk without a partition table',
    boot: { machine: { ...machine, disk: 'unpartitioned' } },
    expected: ['PCR5', 1, 'partition-table', /no partition table/],
  },
  {
    name: 'another RAM size, which changes tables without moving them',
    boot: onQemu({ fwCfg: fwCfg({ inside: 9, smbios: 3 }) }),
    expected: ['PCR1', 3, 'ram', /same sizes/],
  },
  {
    name: 'another RAM size, which only SMBIOS shows',
    boot: onQemu({ fwCfg: fwCfg({ smbios: 3 }) }),
    expected: ['PCR1', 4, 'smbios', /RAM size/],
  },
  {
    name: 'two more processors',
    boot: onQemu({ fwCfg: fwCfg({ grown: 2 * 94, smbios: 5 }) }),
    expected: ['PCR1', 0, 'vcpus', /2 more processors/],
  },
  {
    name: 'one more disk',
    boot: onQemu({
      fwCfg: fwCfg({ grown: 31 }),
      bootDevices: [...qemu.bootDevices, disk('UEFI Misc Device 3', 2)],
    }),
    expected: ['PCR1', 0, 'extra-device', /UEFI Misc Device 3/],
  },
  {
    name: 'one disk less',
    boot: onQemu({ bootDevices: qemu.bootDevices.slice(0, 1) }),
    expected: ['PCR1', 5, 'missing-device', /UEFI Misc Device 2/],
  },
  {
    name: 'swapped boot order',
    boot: onQemu({ bootDevices: [disk('UEFI Misc Device', 1), disk('UEFI Misc Device 2', 0)] }),
    expected: ['PCR1', 6, 'boot-order', /another order: "UEFI Misc Device 2"/],
  },
  {
    name: 'Secure Boot on',
    log: (events) =>
      events.with(
        at(events, 7, 'EV_EFI_VARIABLE_DRIVER_CONFIG'),
        event(
          7,
          'EV_EFI_VARIABLE_DRIVER_CONFIG',
          variable(variableGuids.global, 'SecureBoot', Uint8Array.of(1)),
        ),
      ),
    expected: ['PCR7', 0, 'secure-boot', /Secure Boot is on/],
  },
  {
    name: 'firmware with Secure Boot built in',
    log: (events) =>
      events.with(
        at(events, 7, 'EV_EFI_VARIABLE_DRIVER_CONFIG'),
        event(
          7,
          'EV_EFI_VARIABLE_DRIVER_CONFIG',
          variable(variableGuids.global, 'SecureBoot', Uint8Array.of(0)),
        ),
      ),
    expected: ['PCR7', 0, 'firmware', /built with Secure Boot/],
  },
  {
    name: 'a key in db',
    log: (events) =>
      events.with(
        at(events, 7, 'EV_EFI_VARIABLE_DRIVER_CONFIG', 3),
        event(
          7,
          'EV_EFI_VARIABLE_DRIVER_CONFIG',
          variable(
            variableGuids.imageSecurity,
            'db',
            encodeCertificateLists('77fa9abd-0359-4d32-bd60-28f4e78f784b', [ascii('no certificate')]),
          ),
        ),
      ),
    expected: ['PCR7', 3, 'secure-boot-keys', /db has the certificate/],
  },
  {
    name: 'one more authority',
    log: (events) =>
      events.toSpliced(
        at(events, 7, 'EV_SEPARATOR') + 1,
        0,
        event(
          7,
          'EV_EFI_VARIABLE_AUTHORITY',
          variable(variableGuids.imageSecurity, 'db', new Uint8Array(40)),
        ),
      ),
    expected: ['PCR7', 6, 'authority', /One more key/],
  },
  {
    name: 'a second separator',
    log: (events) =>
      events.toSpliced(at(events, 2, 'EV_SEPARATOR') + 1, 0, event(2, 'EV_SEPARATOR', new Uint8Array(4))),
    expected: ['PCR2', 1, 'separator', /a separator more/],
  },
  {
    name: 'a missing separator',
    log: (events) => events.toSpliced(at(events, 6, 'EV_SEPARATOR'), 1),
    expected: ['PCR6', 0, 'separator', /elsewhere or not at all/],
  },
  {
    name: 'an error separator',
    log: (events) =>
      events.with(at(events, 3, 'EV_SEPARATOR'), event(3, 'EV_SEPARATOR', Uint8Array.of(1, 0, 0, 0))),
    expected: ['PCR3', 0, 'firmware-error', /could not be measured/],
  },
  {
    name: 'an option ROM',
    log: (events) =>
      events.toSpliced(
        at(events, 2, 'EV_SEPARATOR'),
        0,
        event(2, 'EV_EFI_BOOT_SERVICES_DRIVER', image('rom'), ascii('driver')),
      ),
    expected: ['PCR2', 0, 'option-rom', /option ROM/],
  },
  {
    name: 'a boot option that came back',
    log: (events) =>
      events.toSpliced(
        at(events, 4, 'EV_EFI_BOOT_SERVICES_APPLICATION'),
        0,
        event(4, 'EV_EFI_BOOT_SERVICES_APPLICATION', image('\\EFI\\other.efi'), ascii('other')),
        event(4, 'EV_EFI_ACTION', ascii('Returning from EFI Application from Boot Option')),
        event(4, 'EV_EFI_ACTION', ascii('Calling EFI Application from Boot Option')),
      ),
    expected: ['PCR4', 2, 'boot-retry', /came back/],
  },
  {
    name: 'a boot loader before the image',
    log: (events) =>
      events.toSpliced(
        at(events, 4, 'EV_EFI_BOOT_SERVICES_APPLICATION'),
        0,
        event(4, 'EV_EFI_BOOT_SERVICES_APPLICATION', image('\\EFI\\loader.efi'), ascii('loader')),
      ),
    expected: ['PCR4', 2, 'extra-application', /loader\.efi/],
  },
  {
    name: 'a command line that SMBIOS adds',
    boot: { machine: { ...machine, smbiosCommandLine: 'init=/bin/sh' } },
    expected: ['PCR12', 0, 'command-line', /init=\/bin\/sh/],
  },
  {
    name: 'credentials beside the image',
    log: (events) =>
      events.toSpliced(
        at(events, 9, 'EV_EVENT_TAG'),
        0,
        event(12, 'EV_IPL', utf16z('Credentials initrd'), ascii('cpio')),
      ),
    expected: ['PCR12', 0, 'credentials', /Credentials/],
  },
  {
    name: 'a system extension beside the image',
    log: (events) =>
      events.toSpliced(
        at(events, 9, 'EV_EVENT_TAG'),
        0,
        event(13, 'EV_IPL', utf16z('System extension initrd'), ascii('cpio')),
      ),
    expected: ['PCR13', 0, 'system-extension', /extension/],
  },
  {
    name: 'a log that was read before the kernel started',
    log: (events) => events.slice(0, at(events, 5, 'EV_EFI_ACTION')),
    expected: ['PCR5', 2, 'log-early', /before the kernel took over/],
  },
];

function otherDisk(entry = makeEntry()): Uint8Array {
  const bytes = makeDisk({ 0: entry });
  bytes.fill(0x99, 512 + 56, 512 + 60);
  return seal(bytes);
}

describe('explainLog() names a seeded fault at its first event', () => {
  const prediction = boot();

  it('and says that a boot without fault is as predicted', () => {
    const { isEqual, first, registers } = explain(prediction, logOf(prediction));
    expect(registers.filter(({ status }) => status === 'different')).toEqual([]);
    expect(first).toBeUndefined();
    expect(isEqual).toBe(true);
  });

  it.each(faults.map((fault) => [fault.name, fault] as const))('%s', (_, { boot: other, log, expected }) => {
    const { first, isEqual } = explain(prediction, logOf(other ? boot(other) : prediction, log));
    const [register, position, code, text] = expected;
    expect(isEqual).toBe(false);
    expect([first?.register, first?.first.position, first?.first.cause.code]).toEqual([
      register,
      position,
      code,
    ]);
    expect(first?.first.cause.text).toMatch(text);
  });
});

describe('explainLog() where a difference cannot be solved', () => {
  /** Firmware that measures no ACPI tables. */
  const withoutAcpi = (prediction: Prediction): Prediction => ({
    ...prediction,
    registers: prediction.registers.map((register) => ({
      ...register,
      events: register.events.filter(({ source }) => source.kind !== 'fw_cfg'),
    })),
  });

  it.each([
    ['SMBIOS alone', withoutAcpi, { smbios: 3 }, /number of processors, other RAM size, other CPU model/],
    ['tables of another size', (all: Prediction) => all, { grown: 31 }, /devices, .*processors, .*version/],
  ])('names what a machine may have more or less of (%s)', (_, change, facts, suspects) => {
    const log = logOf(change(boot(onQemu({ fwCfg: fwCfg(facts) }))));
    const { first } = explain(change(boot()), log);
    expect(first?.register).toBe('PCR1');
    expect(first?.first.cause).toMatchObject({ certainty: 'likely', text: expect.stringMatching(suspects) });
  });
});

const GiB = 2 ** 30;
const noKeys = { built: false, enforced: false, variables: {} };

describe('explainLog() names a seeded fault of a TD', () => {
  const td = (
    memoryBytes: number,
    release = 202411,
    grown = 0,
    sections = classicSections,
  ): TdxPredictionInput => ({
    machine: {
      vmm: 'qemu',
      memoryBytes,
      firmware: { release, sections, configuration: ascii('variables'), mrtd: new Uint8Array(48) },
      secureBoot: noKeys,
      acpi: {
        loader: ascii(`loader ${grown}`),
        rsdp: encodeRsdp(8823 + grown),
        tables: ascii(`tables ${grown}`),
        from: 'td',
      },
    },
    boot: {
      kind: 'digests',
      direct: true,
      applications: [new Uint8Array(48).fill(1)],
      loadOptions: new Uint8Array(48).fill(3),
      initrd: new Uint8Array(48).fill(2),
    },
  });
  const first = (input: TdxPredictionInput) =>
    explain(predictTdx(td(2 * GiB), native), logOf(predictTdx(input, native))).first;

  it('another RAM size, solved from the TD HOB', () => {
    const difference = first(td(8 * GiB));
    expect(difference?.first.cause).toMatchObject({ code: 'ram', certainty: 'proven' });
    expect(difference?.first.cause.text).toContain('8192 MiB');
    expect([difference?.register, difference?.first.position]).toEqual(['RTMR0', 0]);
  });

  it('another layout of the firmware’s memory with another RAM size', () => {
    expect(first(td(4 * GiB, 202411, 0, shiftedSections))?.first.cause.text).toContain('4096 MiB');
  });

  it('more processors, from the RSDT’s place', () => {
    expect(first(td(2 * GiB, 202411, 4 * 94))?.first.cause).toMatchObject({
      code: 'vcpus',
      text: expect.stringContaining('4 more processors'),
    });
  });

  it('firmware with both separators in RTMR 0', () => {
    expect(first(td(2 * GiB, 202405))?.first.cause.code).toBe('separator');
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ascii, utf16z } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  authenticodeDigest,
  type Machine,
  type MeasureError,
  parseEventLog,
  predictedEventLog,
  predictedEvents,
  predictionToJson,
  predictTpm,
  type QemuMachine,
  readPe,
  replayEventLog,
  toHex,
} from '../../src/index.ts';
import { encodeExtraCpio } from '../../src/uki/cpio.ts';
import { makeDisk, makeEntry } from '../make-disk.ts';
import { makeKernel, makePe, makeUki } from '../make-pe.ts';

const sections = {
  '.osrel': ascii('ID=x'),
  '.cmdline': ascii(' quiet\tfoo\n'),
  '.initrd': ascii('initrd'),
  '.linux': makeKernel(),
};
const disk = makeDisk({ 0: makeEntry() });
const known: Machine = {
  secureBoot: 'off',
  disk,
  optionRoms: false,
  firmware: {
    codeSha256: '624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0',
    varsSha256: '5d2ac383371b408398accee7ec27c8c09ea5b74a0de0ceea6513388b15be5d1e',
  },
};
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(concatBytes(parts)).digest('hex');

interface Options {
  stub?: string;
  machine?: Machine;
  uki?: Uint8Array;
  ima?: boolean;
}

function predict({
  stub = '257.13',
  machine = known,
  uki = makeUki(stub, sections),
  ima = false,
}: Options = {}) {
  return predictTpm({ uki, machine, kernel: { ima } });
}

/** Digests of a register's events, or its status and reason. */
function register(registerIndex: number, options: Options = {}) {
  const { status, reason, events } =
    predict(options).registers[registerIndex] ?? expect.fail(`no PCR ${registerIndex}`);
  return { status, reason, digests: events.map(({ digests }) => toHex(digests.sha256 ?? new Uint8Array(0))) };
}

const separator = sha256(new Uint8Array(4));
const callingApplication = sha256(ascii('Calling EFI Application from Boot Option'));

describe('predictTpm()', () => {
  it('answers for PCR 0 to 15', () => {
    const statuses = predict().registers.map(({ register, status }) => `${register} ${status}`);
    expect(statuses).toEqual([
      'PCR0 host-dependent',
      'PCR1 host-dependent',
      ...Array.from({ length: 14 }, (_, index) => `PCR${index + 2} predicted`),
    ]);
  });

  it('gives values for predicted and assumed registers, and for no others', () => {
    for (const { status, values, events } of predict({ machine: { secureBoot: 'off' } }).registers) {
      expect(Object.keys(values)).toEqual(
        ['predicted', 'assumed'].includes(status) ? ['sha1', 'sha256', 'sha384', 'sha512'] : [],
      );
      if (status === 'host-dependent') expect(events).toEqual([]);
    }
  });

  it('only assumes that nothing from outside reaches the image where nobody described the machine', () => {
    const unknown = predict({ machine: { secureBoot: 'off' } }).registers;
    for (const { registerIndex, status, reason } of unknown.slice(8)) {
      expect(`${registerIndex} ${status}`).toBe(
        `${registerIndex} ${registerIndex === 10 || registerIndex === 11 ? 'predicted' : 'assumed'}`,
      );
      if (status === 'assumed') expect(reason).toContain('the machine is not known');
    }
  });

  it('promises nothing that firmware extends where the firmware is none of the known builds', () => {
    const firmware = { ...known.firmware, codeSha256: '11'.repeat(32) };
    for (const registerIndex of [2, 3, 4, 5, 6, 7]) {
      expect(register(registerIndex, { machine: { ...known, firmware } }).status).toBe('host-dependent');
      expect(register(registerIndex, { machine: known }).status).toBe('predicted');
    }
  });

  it('is certain of little where words of the machine are not understood', () => {
    const qemu: QemuMachine = {
      version: '10.0.13',
      chipset: 'q35',
      memoryMib: 512,
      vcpus: 1,
      cpu: { vendor: 'AuthenticAMD', physicalAddressBits: 40 },
      fwCfg: {},
      bootDevices: [],
      hasBootIndex: false,
      directBoot: false,
    };
    const statuses = (unknown: string[]) =>
      predict({ machine: { ...known, qemu: { ...qemu, unknown } } }).registers.slice(2);
    expect(statuses([]).map(({ status }) => status)).toEqual(Array.from({ length: 14 }, () => 'predicted'));
    const [pcr2, ...others] = statuses(['"-device vmxnet3"']);
    expect(pcr2).toMatchObject({ status: 'host-dependent', reason: expect.stringContaining('vmxnet3') });
    for (const { registerIndex, status, reason } of others) {
      const isCertain = registerIndex === 10 || registerIndex === 11;
      expect(`${registerIndex} ${status}`).toBe(`${registerIndex} ${isCertain ? 'predicted' : 'assumed'}`);
      if (!isCertain) expect(reason).toContain('"-device vmxnet3"');
    }
  });

  it('says what is missing about the machine', () => {
    const reasons = predict({ machine: { secureBoot: 'off' } }).registers.filter(
      ({ status }) => status === 'host-dependent',
    );
    expect(reasons.map(({ register, reason }) => `${register}: ${reason}`)).toEqual([
      'PCR0: The firmware’s bytes are not given, of which this register is made',
      'PCR1: What this firmware measures of a machine is not known',
      'PCR2: Whether a device brings an option ROM is not known',
      'PCR3: Whether a device brings an option ROM is not known',
      'PCR4: The firmware is not known',
      'PCR5: The partition table of the boot disk is measured here, and no disk was given',
      'PCR6: The firmware is not known',
      'PCR7: The firmware is not known, and with it what it measures of SecureBoot',
    ]);
  });

  it('gives the same with a native hasher', () => {
    const input = { uki: makeUki('257', sections), machine: known };
    expect(predictTpm(input, createHash)).toEqual(predictTpm(input));
  });

  it('predicts only the banks that were asked for', () => {
    const prediction = predictTpm({ uki: makeUki('257', sections), machine: known, banks: ['sha384'] });
    expect(Object.keys(prediction.registers[11]?.values ?? {})).toEqual(['sha384']);
    expect(parseEventLog(predictedEventLog(prediction)).algorithms.map(({ name }) => name)).toEqual([
      'sha384',
    ]);
  });

  it.each(['251.4', '263-1'])('has no values for what depends on stub %s', (stub) => {
    for (const registerIndex of [4, 9, 11, 12, 13]) {
      expect(register(registerIndex, { stub })).toMatchObject({
        status: 'unpredictable',
        reason: expect.stringContaining('is not known'),
      });
    }
  });

  it('throws for what is no PE file and for a broken partition table', () => {
    const code = (run: () => unknown): string | undefined => {
      try {
        run();
      } catch (error) {
        return (error as MeasureError).code;
      }
      return undefined;
    };
    expect(code(() => predict({ uki: ascii('nothing') }))).toBe('malformed');
    const broken = disk.slice().fill(7, 2000, 2010);
    expect(code(() => predict({ machine: { ...known, disk: broken } }))).toBe('malformed');
  });
});

describe('predictPcr04()', () => {
  const image = (stub: string) => {
    const uki = makeUki(stub, sections);
    return toHex(authenticodeDigest(uki, readPe(uki), 'sha256'));
  };
  const kernel = toHex(authenticodeDigest(sections['.linux'], readPe(sections['.linux']), 'sha256'));

  it.each(['252', '255', '256', '257'])('has the kernel after the image for stub %s', (stub) => {
    expect(register(4, { stub }).digests).toEqual([callingApplication, separator, image(stub), kernel]);
  });

  it.each(['258', '262'])('has no kernel for stub %s', (stub) => {
    expect(register(4, { stub }).digests).toEqual([callingApplication, separator, image(stub)]);
  });

  it('has no kernel with Secure Boot', () => {
    const firmware = { codeSha256: '1a46295574430cfb7f825ee3e4dc64b052acbef08e310377ed7c64cb757a9dc1' };
    expect(register(4, { machine: { ...known, secureBoot: 'on', firmware } }).digests).toHaveLength(3);
  });

  it('takes the kernel as it lies in memory: VirtualSize bytes', () => {
    const uki = makePe([
      { name: '.sdmagic', data: ascii('#### LoaderInfo: systemd-stub 257 ####') },
      { name: '.linux', data: sections['.linux'], virtualSize: sections['.linux'].length + 512 },
    ]);
    const padded = concatBytes([sections['.linux'], new Uint8Array(512)]);
    const wanted = toHex(authenticodeDigest(padded, readPe(padded), 'sha256'));
    expect(wanted).not.toBe(kernel);
    expect(register(4, { uki }).digests[3]).toBe(wanted);
  });

  it('is unpredictable when the kernel is no PE file', () => {
    const answer = register(4, { uki: makeUki('257', { '.linux': ascii('HALLO\n') }) });
    expect(answer).toMatchObject({
      status: 'unpredictable',
      reason: 'IMAGE_DOS_HEADER.e_magic at 0x0: not "MZ"',
    });
  });
});

describe('predictPcr05()', () => {
  const invocation = sha256(ascii('Exit Boot Services Invocation'));
  const success = sha256(ascii('Exit Boot Services Returned with Success'));

  it('has header, count and used entries of the partition table', () => {
    const count = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    const table = sha256(disk.subarray(512, 604), count, makeEntry());
    expect(register(5).digests).toEqual([separator, table, invocation, success]);
  });

  it.each([['unpartitioned'], [new Uint8Array(4096)]] as const)(
    'has no table for a disk without one',
    (bare) => {
      expect(register(5, { machine: { ...known, disk: bare } }).digests).toEqual([
        separator,
        invocation,
        success,
      ]);
    },
  );
});

describe('predictPcr07()', () => {
  it('depends on the variable store', () => {
    const firmware = { codeSha256: known.firmware?.codeSha256, varsSha256: '00'.repeat(32) };
    expect(register(7, { machine: { ...known, firmware } }).status).toBe('host-dependent');
  });
});

describe('predictPcr09()', () => {
  const commandLine = sha256(utf16z('quiet foo'));
  // The blank at the start stays.
  const keptBlank = sha256(utf16z(' quiet foo'));

  it('has the command line, and the initrd with os-release behind it, for stub 257', () => {
    const initrd = sha256(ascii('initrd\0\0'), encodeExtraCpio('os-release', sections['.osrel']));
    expect(register(9).digests).toEqual([commandLine, initrd]);
  });

  it('has the bare initrd for stub 252', () => {
    expect(register(9, { stub: '252.39' }).digests).toEqual([keptBlank, sha256(ascii('initrd'))]);
  });

  it('has no command line without one, and an empty one for blanks', () => {
    const { '.linux': kernel } = sections;
    expect(register(9, { uki: makeUki('252', { '.linux': kernel }) }).digests).toEqual([]);
    expect(
      register(9, { uki: makeUki('252', { '.linux': kernel, '.cmdline': ascii(' \n') }) }).digests,
    ).toEqual([sha256(new Uint8Array(2))]);
  });

  it('appends the command line that SMBIOS adds, and PCR 12 has it', () => {
    const machine = { ...known, smbiosCommandLine: ' bar\n' };
    expect(register(9, { machine }).digests[0]).toBe(sha256(utf16z('quiet foo bar')));
    expect(register(12, { machine }).digests).toEqual([sha256(utf16z('bar'))]);
  });

  it('ignores SMBIOS with stub 252', () => {
    const machine = { ...known, smbiosCommandLine: 'bar' };
    expect(register(9, { machine, stub: '252' }).digests[0]).toBe(keptBlank);
    expect(register(12, { machine, stub: '252' })).toMatchObject({ status: 'predicted', digests: [] });
  });

  it('is not predicted for kernels older than 6.1', () => {
    const uki = makeUki('257', { ...sections, '.linux': makeKernel('5.15.0-x #1') });
    expect(register(9, { uki })).toMatchObject({
      status: 'not-predicted',
      reason: 'What the EFI stub of Linux 5.15.0-x measures is not known; 6.1 and later are',
    });
  });

  it('is unpredictable for a command line that is not UTF-8', () => {
    const uki = makeUki('257', { ...sections, '.cmdline': Uint8Array.of(0xff) });
    expect(register(9, { uki }).status).toBe('unpredictable');
  });
});

describe('predictPcr10()', () => {
  it('depends on the kernel’s IMA', () => {
    expect(register(10, { ima: true }).status).toBe('unpredictable');
    expect(predictTpm({ uki: makeUki('257', sections), machine: known }).registers[10]?.status).toBe(
      'host-dependent',
    );
  });
});

describe('predictPcr11()', () => {
  const named = (name: string, data: Uint8Array) => [sha256(ascii(`${name}\0`)), sha256(data)];

  it('measures each section name before its content, in the stub’s order', () => {
    expect(register(11).digests).toEqual(
      ['.linux', '.osrel', '.cmdline', '.initrd'].flatMap((name) =>
        named(name, sections[name as keyof typeof sections]),
      ),
    );
  });

  it('measures what each stub version measures', () => {
    const everything = [
      '.hwids',
      '.efifw',
      '.uname',
      '.sbat',
      '.pcrsig',
      '.pcrpkey',
      '.dtbauto',
      '.ucode',
      '.unknown',
    ];
    const all = { ...sections, ...Object.fromEntries(everything.map((name) => [name, ascii(name)])) };
    const count = (stub: string) => register(11, { uki: makeUki(stub, all) }).digests.length / 2;
    // 252 takes .dtbauto for .dtb, as it compares only the beginning of a name.
    expect(['252', '254', '256', '257', '258'].map(count)).toEqual([6, 8, 9, 10, 11]);
  });
});

describe('predictedEvents()', () => {
  it('stand in the order of a boot', () => {
    const order = predictedEvents(predict()).map(({ registerIndex }) => registerIndex);
    expect(order).toEqual([
      7, 7, 7, 7, 7, 7, 4, 2, 3, 4, 5, 6, 5, 4, 11, 11, 11, 11, 11, 11, 11, 11, 4, 9, 9, 5, 5,
    ]);
  });

  it('as a log, replay to the predicted values', () => {
    const prediction = predict();
    const replayed = replayEventLog(parseEventLog(predictedEventLog(prediction)));
    for (const { registerIndex, events, values } of prediction.registers) {
      if (events.length === 0) continue;
      for (const bank of prediction.banks)
        expect(replayed.get(bank)?.get(registerIndex)).toEqual(values[bank]);
    }
  });
});

describe('predictionToJson()', () => {
  it('has every register with status, reason, values and sourced events', () => {
    const { registers } = predictionToJson(predict());
    expect(Object.keys(registers)).toHaveLength(16);
    expect(registers['PCR0']).toMatchObject({ status: 'host-dependent', values: {}, events: [] });
    expect(registers['PCR11']?.events[0]).toMatchObject({
      type: 'EV_IPL',
      description: 'name of section ".linux" with its NUL',
      digests: { sha256: sha256(ascii('.linux\0')) },
      source: { kind: 'section', section: '.linux', part: 'name', length: 7 },
      dependsOn: ['image', 'stub'],
    });
  });

  it('survives JSON', () => {
    const json = predictionToJson(predict());
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  });
});

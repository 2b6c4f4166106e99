import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import {
  eventTypeName,
  eventTypes,
  findRegister,
  type HashName,
  hashNames,
  type Prediction,
  parseEventLog,
  predictedEventLog,
  predictReferenceLog,
  registerTrust,
  replayEventLog,
  replayPcr,
  toHex,
} from '../../src/index.ts';
import { makeDisk } from '../make-disk.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import { haveVectors, vectorBytes, vectorJson, vectorPath } from '../vectors.ts';

type Pcrs = Record<HashName, Record<string, string>>;
interface Boot {
  readonly name: string;
  readonly stub: string;
  readonly firmware: string;
  readonly vars: string;
  readonly log: Uint8Array;
  readonly pcrs: Pcrs;
}

const boots: Boot[] = haveVectors ? readdirSync(vectorPath('ovmf-boots')).map(readBoot) : [];
const plain = boots.filter(({ name }) => !name.includes('secboot') && !name.includes('cmdline-extra'));

function readBoot(name: string): Boot {
  const config = vectorJson<{ stub: string; firmware_sha256: string; vars_sha256: string }>(
    'ovmf-boots',
    name,
    'config.json',
  );
  return {
    name,
    stub: config.stub,
    firmware: config.firmware_sha256,
    vars: config.vars_sha256,
    log: vectorBytes('ovmf-boots', name, 'eventlog.bin'),
    pcrs: vectorJson<Pcrs>('ovmf-boots', name, 'pcrs-guest.json'),
  };
}

/** The image and disk of a boot: the image is not among the vectors, one with the same sections has the same events. */
function imageOf({ stub, log }: Boot): { uki: Uint8Array; disk: Uint8Array | 'unpartitioned' } {
  const { events } = parseEventLog(log);
  const texts = events.map(({ untrustedData }) => Buffer.from(untrustedData).toString('utf16le'));
  const optional = ['.uname', '.sbat', '.pcrpkey'].filter((name) => texts.includes(`${name}\0`));
  const gpt = events.find(
    ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_GPT_EVENT,
  )?.untrustedData;
  return {
    uki: makeUki(stub, {
      '.osrel': ascii('o'),
      // Stub 262 adds consoles where none is named.
      '.cmdline': ascii('console=ttyS0'),
      '.initrd': ascii('i'),
      '.linux': makeKernel(),
      ...Object.fromEntries(optional.map((name) => [name, ascii('x')])),
    }),
    disk: gpt ? makeDisk({ 0: gpt.subarray(100) }, gpt.subarray(0, 92)) : 'unpartitioned',
  };
}

function predict(reference: Boot, boot: Boot): Prediction {
  return predictReferenceLog({ log: reference.log, ...imageOf(boot), kernel: { ima: false } }, createHash);
}

/** What of a prediction is not the image's own bytes has to be in the boot's registers. */
function expectEqual(prediction: Prediction, boot: Boot, pcrs: readonly number[]): void {
  for (const pcr of pcrs) {
    const { values, status, reason } = findRegister(prediction, `PCR${pcr}`) ?? expect.fail();
    for (const bank of hashNames) {
      const value = values[bank];
      expect(`PCR${pcr} ${bank} ${value ? toHex(value) : `${status}: ${reason}`}`).toBe(
        `PCR${pcr} ${bank} ${boot.pcrs[bank][pcr]}`,
      );
    }
  }
}

describe.skipIf(!haveVectors)('predictReferenceLog() with the log of a boot, for the same machine', () => {
  it.each(plain)('puts the image’s events where they were in $name', (boot) => {
    const prediction = predict(boot, boot);
    expectEqual(prediction, boot, [0, 1, 2, 3, 5, 6, 7, 8, 10, 12, 13, 14, 15]);
    const logged = parseEventLog(boot.log).events;
    for (const pcr of [4, 9, 11]) {
      const { events } = findRegister(prediction, `PCR${pcr}`) ?? expect.fail();
      const real = logged.filter(
        ({ registerIndex, untrustedEventType }) =>
          registerIndex === pcr && untrustedEventType !== eventTypes.EV_NO_ACTION,
      );
      expect(events.map(({ eventType }) => eventType)).toEqual(
        real.map((event) => eventTypeName(event.untrustedEventType)),
      );
      // With the digests of the image that was booted, the places alone decide about the value.
      for (const bank of hashNames) {
        const digests = events.map(
          ({ source, digests }, place) =>
            (source.kind === 'reference-log' ? digests[bank] : real[place]?.digests.get(bank)) ??
            expect.fail(),
        );
        expect(toHex(replayPcr(createHash, bank, digests))).toBe(boot.pcrs[bank][pcr]);
      }
    }
  });

  it.each(boots.filter(({ name }) => name.includes('secboot')))(
    'gives nothing of the image’s where firmware refuses it, in $name',
    (boot) => {
      const { registers } = predict(boot, boot);
      for (const { registerIndex, status, reason } of registers) {
        const isFirmwares = registerIndex < 4 || registerIndex === 6;
        expect(`${registerIndex} ${status}`).toBe(
          `${registerIndex} ${isFirmwares && !(registerIndex === 1 && status !== 'assumed') ? 'assumed' : status}`,
        );
        if (!isFirmwares) expect(reason).toContain('refuses to start the image');
      }
    },
  );
});

describe.skipIf(!haveVectors)(
  'predictReferenceLog() with the log of another image on the same firmware',
  () => {
    const pairs = plain.flatMap((reference) =>
      plain
        .filter(
          (boot) =>
            boot !== reference && boot.firmware === reference.firmware && boot.vars === reference.vars,
        )
        .map((boot) => ({ reference, boot, from: reference.name, to: boot.name })),
    );

    it.each(pairs)('$from tells $to', ({ reference, boot }) => {
      // PCR 1 follows from machine and devices, which differ; PCR 0 from QEMU's version and RAM under 2022.11.
      expectEqual(predict(reference, boot), boot, [0, 2, 3, 5, 6, 7, 8, 10, 12, 13, 14, 15]);
    });

    it.each(pairs)(
      '$from and $to: the predicted log replays to the predicted values',
      ({ reference, boot }) => {
        const prediction = predict(reference, boot);
        const replayed = replayEventLog(parseEventLog(predictedEventLog(prediction)), createHash);
        for (const { registerIndex, values, events } of prediction.registers) {
          if (events.length === 0) continue;
          expect(replayed.get('sha384')?.get(registerIndex)).toEqual(values.sha384);
        }
      },
    );
  },
);

describe.skipIf(!haveVectors)('predictReferenceLog() with logs of real machines', () => {
  const uki = makeUki('257', { '.cmdline': ascii('c'), '.initrd': ascii('i'), '.linux': makeKernel() });
  const disk = makeDisk({});
  const statusesOf = (...path: string[]) => {
    const { registers } = predictReferenceLog(
      { log: vectorBytes('event-logs', ...path), uki, disk },
      createHash,
    );
    return registers.slice(0, 8).map(({ status, reason }) => (status === 'assumed' ? status : reason));
  };

  it('copies what firmware measured, and nothing of what was booted', () => {
    const { values, pcrs } = copied('go-eventlog/tpm/ubuntu-2104-no-secure-boot.bin');
    for (const pcr of [0, 1, 2, 3, 6]) expect(values(pcr)).toBe(pcrs(pcr));
  });

  function copied(file: string) {
    const log = vectorBytes('event-logs', ...file.split('/'));
    const prediction = predictReferenceLog({ log, uki, disk }, createHash);
    const replayed = replayEventLog(parseEventLog(log), createHash);
    return {
      values: (pcr: number) => toHex(prediction.registers[pcr]?.values.sha256 ?? expect.fail()),
      pcrs: (pcr: number) => toHex(replayed.get('sha256')?.get(pcr) ?? expect.fail()),
    };
  }

  it('starts PCR 0 from the locality that the log tells', () => {
    const log = vectorBytes('event-logs', 'keylime', 'binary_bios_measurements');
    const prediction = predictReferenceLog({ log, uki, disk }, createHash);
    const pcr0 = findRegister(prediction, 'PCR0') ?? expect.fail();
    expect(pcr0.startupLocality).toBe(3);
    expect(registerTrust(pcr0)).toBe('from-log');
    expect(pcr0.values.sha256).toEqual(replayEventLog(parseEventLog(log), createHash).get('sha256')?.get(0));
    const again = replayEventLog(parseEventLog(predictedEventLog(prediction)), createHash);
    expect(again.get('sha256')?.get(0)).toEqual(pcr0.values.sha256);
  });

  // PCR 0 to 7: copied or mixed (+), else by a word of the reason.
  it.each([
    ['go-eventlog/tpm/arch-linux-workstation.bin', '+ + + + + ends + +'],
    ['go-eventlog/tpm/cos-101-amd-sev.bin', '+ + + + refuses refuses + refuses'],
    ['go-eventlog/tpm/glinux-alex.bin', '+ + + + + ends + +'],
    ['go-eventlog/tpm/rhel8-uefi.bin', '+ + + + refuses refuses + refuses'],
    ['go-eventlog/tpm/ubuntu-1804-amd-sev.bin', '+ + + + + + + +'],
    ['go-eventlog/tpm/ubuntu-2104-no-dbx.bin', '+ + + + + + + +'],
    ['go-eventlog/tpm/ubuntu-2104-no-secure-boot.bin', '+ + + + + + + +'],
    ['go-eventlog/legacydata/crypto_agile_eventlog', '+ + + + + ends + +'],
    [
      'go-eventlog/legacydata/sb_cert_eventlog',
      'separator separator separator separator refuses refuses separator refuses',
    ],
    ['keylime/binary_bios_measurements', '+ + + + + ends + +'],
    ['tpm2-tools/event-arch-linux.bin', '+ + + + + ends + +'],
    ['tpm2-tools/event-gce-ubuntu-2104-log.bin', '+ + + + + + + +'],
    ['tpm2-tools/event-sd-boot-fedora37.bin', '+ + + + application application + +'],
    [
      'tpm2-tools/event-uefiaction.bin',
      'separator separator separator separator separator separator separator separator',
    ],
  ])('%s: %s', (file, wanted) => {
    const words = ['ends', 'refuses', 'application', 'separator'];
    const found = statusesOf(...file.split('/')).map((status) =>
      status === 'assumed' ? '+' : words.find((word) => status.includes(word)),
    );
    expect(found.join(' ')).toBe(wanted);
  });

  it.each([
    ['go-eventlog/legacydata/ebs_event_missing_eventlog', 'kind "sha1"'],
    ['go-eventlog/legacydata/short_no_action_eventlog', 'kind "sha1"'],
    ['keylime/binary_bios_measurements-bogus', 'no event log'],
    ['keylime/binary_bios_measurements-empty', 'empty'],
  ])('refuses %s', (file, message) => {
    expect(() => statusesOf(...file.split('/'))).toThrow(message);
  });
});

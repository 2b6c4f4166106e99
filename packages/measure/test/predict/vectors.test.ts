import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import {
  defaultHasher,
  type EventTypeName,
  eventTypes,
  extendPcr,
  type HashName,
  hash,
  hashNames,
  type Prediction,
  parseEventLog,
  predictedEvents,
  predictTpm,
  toHex,
} from '../../src/index.ts';
import { makeDisk } from '../make-disk.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import { haveVectors, vectorBytes, vectorJson, vectorPath } from '../vectors.ts';

interface Pcr11Vectors {
  inputs: { linux: string; initrd: string };
  cases: { phase: string; pcr11: Record<HashName, string> }[];
}

describe.skipIf(!haveVectors)('predictPcr11() equals systemd’s own tests', () => {
  const { inputs, cases } = haveVectors
    ? vectorJson<Pcr11Vectors>('pcr11/systemd/expected.json')
    : { inputs: { linux: '', initrd: '' }, cases: [] };

  it.each(cases)('in phase "$phase"', ({ phase, pcr11 }) => {
    const uki = makeUki('259', { '.initrd': ascii(inputs.initrd), '.linux': ascii(inputs.linux) });
    const { values } = predictTpm({ uki, machine: { secureBoot: 'off' } }).registers[11] ?? expect.fail();
    for (const bank of hashNames) {
      let value = values[bank] ?? expect.fail();
      // The running system extends each phase it enters.
      if (phase) value = extendPcr(defaultHasher, bank, value, hash(defaultHasher, bank, ascii(phase)));
      expect(toHex(value)).toBe(pcr11[bank]);
    }
  });
});

interface Boot {
  stub: string;
  firmware_sha256: string;
  vars_sha256: string;
  qemu_cmd: string[];
}

describe.skipIf(!haveVectors)('predictTpm() agrees with real OVMF boots', () => {
  for (const boot of haveVectors ? readdirSync(vectorPath('ovmf-boots')) : []) {
    const config = vectorJson<Boot>('ovmf-boots', boot, 'config.json');
    const observed = vectorJson<Record<HashName, Record<string, string>>>(
      'ovmf-boots',
      boot,
      'pcrs-guest.json',
    );
    const log = parseEventLog(vectorBytes('ovmf-boots', boot, 'eventlog.bin'));
    const secureBoot = boot.includes('secboot');
    const predict = (): Prediction => {
      const named = (name: string) =>
        log.events.some(({ untrustedData }) => toHex(untrustedData) === toHex(utf16(name)));
      const optional = ['.uname', '.sbat', '.pcrpkey'].filter(named);
      const gpt = log.events.find(
        ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_GPT_EVENT,
      )?.untrustedData;
      return predictTpm({
        // The images are not among the vectors; one with the same sections has the same events, with other digests.
        uki: makeUki(config.stub, {
          '.osrel': ascii('o'),
          '.cmdline': ascii('console=c'),
          '.initrd': ascii('i'),
          '.linux': makeKernel(),
          ...Object.fromEntries(optional.map((name) => [name, ascii('x')])),
        }),
        machine: {
          secureBoot: secureBoot ? 'on' : 'off',
          disk: gpt ? makeDisk({ 0: gpt.subarray(100) }, gpt.subarray(0, 92)) : 'unpartitioned',
          optionRoms: false,
          smbiosCommandLine: /cmdline-extra=(.*)/.exec(config.qemu_cmd.join('\n'))?.[1],
          firmware: { codeSha256: config.firmware_sha256, varsSha256: config.vars_sha256 },
        },
        kernel: { ima: false },
      });
    };

    it(`on the values that are not the image’s, in ${boot}`, () => {
      const statuses: Record<string, string> = {};
      for (const { registerIndex, status, values } of predict().registers) {
        if ([4, 9, 11].includes(registerIndex)) continue; // depend on the image's bytes
        statuses[`PCR${registerIndex}`] = status;
        if (status !== 'predicted') continue;
        for (const bank of hashNames) {
          expect(`PCR${registerIndex} ${bank} ${toHex(values[bank] ?? expect.fail())}`).toBe(
            `PCR${registerIndex} ${bank} ${observed[bank][registerIndex]}`,
          );
        }
      }
      expect(statuses).toMatchObject({
        PCR2: 'predicted',
        PCR3: 'predicted',
        PCR5: 'predicted',
        PCR6: 'predicted',
      });
      expect(statuses).toMatchObject({
        // With Secure Boot it needs an image that the keys vouch for: see `pcr07.test.ts`.
        PCR7: secureBoot ? 'host-dependent' : 'predicted',
        PCR12: 'predicted',
      });
    });

    it(`on the order and kind of the image’s events, in ${boot}`, () => {
      const ours = [4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
      // Load events hold addresses; everything else is to be equal to the byte.
      const show = (registerIndex: number, type: number, data: Uint8Array) =>
        `${registerIndex} ${type.toString(16)} ${type === eventTypes.EV_EFI_BOOT_SERVICES_APPLICATION ? '' : toHex(data)}`;
      const wanted = log.events
        .filter(
          ({ registerIndex, untrustedEventType }) =>
            ours.includes(registerIndex) && untrustedEventType !== eventTypes.EV_NO_ACTION,
        )
        .map((event) => show(event.registerIndex, event.untrustedEventType, event.untrustedData));
      const predicted = predictedEvents(predict())
        .filter(({ registerIndex }) => ours.includes(registerIndex))
        .map(({ registerIndex, eventType, data }) =>
          show(registerIndex, eventTypes[eventType as EventTypeName], data),
        );
      expect(predicted).toEqual(wanted);
    });
  }
});

function utf16(name: string): Uint8Array {
  return Uint8Array.from(`${name}\0`.split('').flatMap((character) => [character.charCodeAt(0), 0]));
}

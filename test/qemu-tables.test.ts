import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  eventTypeName,
  ovmfRules,
  parseEventLog,
  parseQemuCommand,
  predictTpm,
  qemuMachine,
  toHex,
} from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { captureMachine } from '../packages/builder/src/qemu/capture.ts';
import { makeKernel, makeUki } from '../packages/measure/test/make-pe.ts';
import { Ingredients } from './matrix/ingredients.ts';

/** Real boots of others, described by their QEMU command lines; see packages/measure/test/vectors.ts. */
const folder =
  process.env['ALTEE_VECTORS'] ?? fileURLToPath(new URL('../../shared/vectors', import.meta.url));
const boots = existsSync(folder) ? readdirSync(`${folder}/ovmf-boots`) : [];
const EMPTY_STORE = '5d2ac383371b408398accee7ec27c8c09ea5b74a0de0ceea6513388b15be5d1e';

interface Boot {
  qemu_cmd: string[];
  qemu_version: '7.2' | '10.0' | '11.1';
  firmware: string;
  firmware_sha256: string;
  stub: string;
}

const firmwarePackages = {
  bookworm: 'ovmf-2022.11',
  trixie: 'ovmf-2025.02',
  forky: 'ovmf-2026.08',
} as const;

describe('captureMachine() and predictPcr01() give PCR 1 of real boots, from their command lines alone', () => {
  it.each(boots)('%s', async (boot) => {
    const text = readFileSync(`${folder}/ovmf-boots/${boot}/config.json`, 'utf8');
    const config = JSON.parse(text) as Boot;
    const log = parseEventLog(new Uint8Array(readFileSync(`${folder}/ovmf-boots/${boot}/eventlog.bin`)));
    const description = parseQemuCommand(config.qemu_cmd, config.qemu_version);
    const rules = ovmfRules(config.firmware_sha256) ?? expect.fail();
    const ingredients = await Ingredients.open();
    const [, release, file] = config.firmware.split('/');
    const from = firmwarePackages[release as keyof typeof firmwarePackages];
    const code = await ingredients.file(from, `usr/share/OVMF/${file}`);
    expect(createHash('sha256').update(readFileSync(code)).digest('hex')).toBe(config.firmware_sha256);
    const handoff = await captureMachine({
      root: await ingredients.root(`qemu-${config.qemu_version}`),
      description,
      firmware: { code, variables: await ingredients.file(from, 'usr/share/OVMF/OVMF_VARS_4M.fd') },
      rules,
    });

    const hasGpt = log.events.some((event) => eventTypeName(event.untrustedEventType) === 'EV_EFI_GPT_EVENT');
    // The image is not among the vectors, and PCR 1 depends on its stub's version alone.
    const uki = makeUki(config.stub, { '.osrel': new Uint8Array(1), '.linux': makeKernel() });
    const machine = {
      secureBoot: 'off',
      disk: hasGpt ? undefined : 'unpartitioned',
      firmware: { codeSha256: config.firmware_sha256, varsSha256: EMPTY_STORE },
      qemu: qemuMachine(description, handoff),
    } as const;
    const { banks, registers } = predictTpm({ uki, machine });
    const { events = [] } = registers[1] ?? {};
    const seen = log.events.filter(({ registerIndex }) => registerIndex === 1);
    for (const bank of banks) {
      expect(
        events.map(({ eventType, digests }) => `${eventType} ${toHex(digests[bank] ?? expect.fail())}`),
      ).toEqual(
        seen.map((event) => {
          const digest = event.digests.get(bank) ?? expect.fail();
          return `${eventTypeName(event.untrustedEventType)} ${toHex(digest)}`;
        }),
      );
    }
  });
});

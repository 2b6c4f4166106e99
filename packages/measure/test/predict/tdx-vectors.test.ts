import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/hex.ts';
import type { Hasher } from '../../src/hash.ts';
import { predictedEventLog } from '../../src/predict/event-log.ts';
import { findRegister, type Prediction } from '../../src/predict/prediction.ts';
import { predictTdx } from '../../src/predict/tdx.ts';
import type { TdxFirmware, TdxPredictionInput } from '../../src/predict/tdx-machine.ts';
import { parseEventLog } from '../../src/tcg/event-log.ts';
import { replayEventLog } from '../../src/tcg/replay.ts';
import { parseTdxQuote } from '../../src/tdx/quote.ts';
import { dstackEventDigest } from '../../src/tdx/runtime-event.ts';
import { classicSections, gcpSections, shiftedSections } from '../tdx/sections.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const sha384 = (hex: string): { sha384: Uint8Array } => ({ sha384: fromHex(hex) });
const GiB = 2 ** 30;

/** SHA-384 of edk2's empty volume of variables of 528 KiB (tdx/oasis, `constants`). */
const emptyVariables =
  '344bc51c980ba621aaa00da3ed7436f7d6e549197dfe699515dfa2c6583d95e6412af21c097d473155875ffd561d6790';
const noKeys = { built: false, enforced: false, variables: {} };

function registerValue(prediction: Prediction, name: 'MRTD' | `RTMR${number}`): string {
  const register = findRegister(prediction, name);
  return toHex(register?.values.sha384 ?? new Uint8Array(0));
}

function replayed(prediction: Prediction): Record<string, string> {
  const values = replayEventLog(parseEventLog(predictedEventLog(prediction)), native).get('sha384');
  return Object.fromEntries([...(values ?? [])].map(([index, value]) => [`RTMR${index - 1}`, toHex(value)]));
}

interface TcbInfo {
  readonly mrtd: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
  readonly rtmr3: string;
  readonly event_log: readonly { imr: number; digest: string; event: string; event_payload: string }[];
}

describe.skipIf(!haveVectors)('predictTdx() and a dstack TD of 64 GiB (near/mpc)', () => {
  const tcb = haveVectors ? vectorJson<TcbInfo>('tdx', 'near-mpc', 'tcb_info.json') : undefined;
  const log = tcb?.event_log ?? [];
  const digests = (imr: number): string[] =>
    log.filter((each) => each.imr === imr).map(({ digest }) => digest);
  const [rtmr0 = [], rtmr1 = [], rtmr2 = []] = [0, 1, 2].map(digests);
  const input = (): TdxPredictionInput => ({
    machine: {
      vmm: 'qemu',
      memoryBytes: 64 * GiB,
      firmware: {
        release: 202411,
        sections: classicSections,
        configuration: sha384(emptyVariables),
        mrtd: fromHex(tcb?.mrtd ?? ''),
      },
      secureBoot: noKeys,
      acpi: {
        loader: sha384(rtmr0[8] ?? ''),
        rsdp: sha384(rtmr0[9] ?? ''),
        tables: sha384(rtmr0[10] ?? ''),
        from: 'td',
      },
    },
    boot: {
      kind: 'digests',
      direct: true,
      applications: [fromHex(rtmr1[0] ?? '')],
      loadOptions: fromHex(rtmr2[0] ?? ''),
      initrd: fromHex(rtmr2[1] ?? ''),
    },
    runtimeEvents: log
      .filter(({ imr }) => imr === 3)
      .map(({ event, event_payload }) => ({
        name: event,
        sha384: dstackEventDigest(event, fromHex(event_payload), native),
      })),
  });

  it('gives MRTD and RTMR 0 to 3 of the quote, and every event’s digest', () => {
    const prediction = predictTdx(input(), native);
    const predicted = prediction.registers.map(({ register, status }) => [register, status]);
    expect(predicted).toEqual(
      ['MRTD', 'RTMR0', 'RTMR1', 'RTMR2', 'RTMR3'].map((name) => [name, 'predicted']),
    );
    for (const [index, name] of (['rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'] as const).entries()) {
      const register = findRegister(prediction, `RTMR${index}`);
      expect(register?.events.map((each) => toHex(each.digests.sha384 ?? new Uint8Array(0)))).toEqual(
        digests(index),
      );
      expect(registerValue(prediction, `RTMR${index}`)).toBe(tcb?.[name]);
    }
    const quote = parseTdxQuote(Uint8Array.from(vectorJson<number[]>('tdx', 'near-mpc', 'quote.json')));
    expect(quote.rtmrs.map(toHex)).toEqual([tcb?.rtmr0, tcb?.rtmr1, tcb?.rtmr2, tcb?.rtmr3]);
    expect(registerValue(prediction, 'MRTD')).toBe(toHex(quote.mrtd));
  });

  it('shows the data that the real log shows', () => {
    const prediction = predictTdx(input(), native);
    for (const event of prediction.registers.flatMap(({ events }) => events)) {
      if (!event.dataIsExact || event.registerIndex === 0 || event.register === 'RTMR3') continue;
      const seen = log.find(
        ({ imr, digest }) =>
          imr === event.registerIndex - 1 && digest === toHex(event.digests.sha384 ?? new Uint8Array(0)),
      );
      expect(toHex(event.data), event.description).toBe(seen?.event_payload);
    }
  });

  it('gives a log whose replay is the prediction', () => {
    const prediction = predictTdx(input(), native);
    expect(replayed(prediction)).toEqual({
      RTMR0: tcb?.rtmr0,
      RTMR1: tcb?.rtmr1,
      RTMR2: tcb?.rtmr2,
      RTMR3: tcb?.rtmr3,
    });
  });

  it('puts the events in the order in which they happened', () => {
    const { events } = parseEventLog(predictedEventLog(predictTdx(input(), native)));
    const order = events.map(
      (each) => `${each.registerIndex - 1} ${toHex(each.digests.get('sha384') ?? new Uint8Array(0))}`,
    );
    expect(order).toEqual(log.map(({ imr, digest }) => `${imr} ${digest}`));
  });

  it('depends on the size of RAM', () => {
    const { machine, ...rest } = input();
    const other = predictTdx({ ...rest, machine: { ...machine, memoryBytes: 32 * GiB } }, native);
    expect(registerValue(other, 'RTMR0')).not.toBe(tcb?.rtmr0);
  });
});

interface GcpVector {
  readonly ram_bytes: number;
  readonly acpi_hashes: { readonly loader: string; readonly rsdp: string; readonly tables: string };
  readonly image_hashes: Readonly<Record<'uki' | 'kernel' | 'cmdline' | 'initrd' | 'gpt', string>>;
  readonly secure_boot_var_data: { readonly PK_KEK_db_dbx_each: string };
  readonly boot0001_sha384: string;
  readonly boot0002_sha384: string;
  readonly boot0000_load_option_hex: string;
  readonly expected: Readonly<Record<'rtmr0' | 'rtmr1' | 'rtmr2' | 'rtmr3' | 'mrtd', string>>;
}

/** The firmware's volume of variables, which the vector leaves out: flashbots/attested-tls, gcp-tdx-firmware-1782809233226668671.yaml. */
const gcpVariables =
  'd10d31022a1ef32ee501f31745257f84e7c753a8b79a3fdb82ffda9dc57684a1cfefba3edcdabc8b4ea791c17dd8a02b';

describe.skipIf(!haveVectors)('predictTdx() and a Google Cloud TD of 16 GiB (flashbots/attested-tls)', () => {
  it('gives MRTD and RTMR 0 to 3 of the quote', () => {
    const given = vectorJson<GcpVector>('tdx', 'gcp', 'expected.json');
    const { acpi_hashes: acpi, image_hashes: images, expected } = given;
    const keys = fromHex(given.secure_boot_var_data.PK_KEK_db_dbx_each);
    const prediction = predictTdx(
      {
        machine: {
          vmm: 'gcp',
          memoryBytes: given.ram_bytes,
          firmware: {
            sections: gcpSections,
            configuration: sha384(gcpVariables),
            mrtd: fromHex(expected.mrtd),
          },
          secureBoot: {
            built: true,
            enforced: false,
            variables: { PK: keys, KEK: keys, db: keys, dbx: keys },
          },
          acpi: {
            loader: sha384(acpi.loader),
            rsdp: sha384(acpi.rsdp),
            tables: sha384(acpi.tables),
            from: 'td',
          },
          bootVariables: {
            options: [
              { number: 1, data: sha384(given.boot0001_sha384) },
              { number: 2, data: sha384(given.boot0002_sha384) },
              { number: 0, data: fromHex(given.boot0000_load_option_hex) },
            ],
            from: 'td',
          },
        },
        boot: {
          kind: 'digests',
          direct: false,
          partitionTable: fromHex(images.gpt),
          applications: [fromHex(images.uki), fromHex(images.kernel)],
          loadOptions: fromHex(images.cmdline),
          initrd: fromHex(images.initrd),
        },
      },
      native,
    );
    const quote = parseTdxQuote(vectorBytes('tdx', 'gcp', 'quote.bin'));
    expect(prediction.registers.map(({ status }) => status)).toEqual(Array(5).fill('predicted'));
    expect(prediction.registers.map(({ values }) => toHex(values.sha384 ?? new Uint8Array(0)))).toEqual(
      [quote.mrtd, ...quote.rtmrs].map(toHex),
    );
    expect(quote.rtmrs.map(toHex)).toEqual([expected.rtmr0, expected.rtmr1, expected.rtmr2, expected.rtmr3]);
  });
});

describe.skipIf(!haveVectors)('predictTdx() and Canonical’s default machine (fortanix/tdx-measure)', () => {
  it('gives RTMR 0 from the ACPI tables and 2 GiB of RAM', () => {
    const { rtmr0 } = vectorJson<{ rtmr0: string }>('tdx', 'fortanix', 'canonical-defaults', 'expected.json');
    const tables = vectorBytes('tdx', 'fortanix', 'canonical-defaults', 'acpi_tables.bin');
    const rtmr0Of = (change: Partial<TdxFirmware>): string =>
      registerValue(
        predictTdx(
          {
            machine: {
              vmm: 'qemu',
              memoryBytes: 2 * GiB,
              // Ubuntu 25.04's OVMF 2025.02, built without Secure Boot.
              firmware: {
                release: 202502,
                sections: shiftedSections,
                configuration: sha384(emptyVariables),
                ...change,
              },
              secureBoot: noKeys,
              acpi: { tables, from: 'td' },
            },
            boot: { kind: 'digests', direct: true, applications: [] },
          },
          native,
        ),
        'RTMR0',
      );
    expect(rtmr0Of({})).toBe(rtmr0);
    expect(rtmr0Of({ sections: classicSections })).not.toBe(rtmr0);
    expect(rtmr0Of({ release: 202408 })).not.toBe(rtmr0);
  });
});

interface OasisLog {
  readonly rtmr_logs: readonly { readonly expected: string; readonly log: readonly string[] }[];
}

describe.skipIf(!haveVectors)('predictTdx() and Oasis’s logs', () => {
  it('gives the whole RTMR 0 of one vCPU and 2815 MiB, of a release with two separators', () => {
    const logs = vectorJson<OasisLog>('tdx', 'oasis', 'expected.json').rtmr_logs;
    const wanted = logs.find(({ log }) => log.length > 10);
    const tables = vectorBytes('tdx', 'oasis', 'acpi_tables_cpu1.bin');
    const prediction = predictTdx(
      {
        machine: {
          vmm: 'qemu',
          memoryBytes: 2815 * 2 ** 20,
          firmware: { release: 202408, sections: classicSections, configuration: sha384(emptyVariables) },
          secureBoot: noKeys,
          acpi: { tables, from: 'td' },
        },
        boot: { kind: 'digests', direct: true, applications: [fromHex(logs[1]?.log[0] ?? '')] },
      },
      native,
    );
    const register = findRegister(prediction, 'RTMR0');
    expect(register?.events.map(({ digests }) => toHex(digests.sha384 ?? new Uint8Array(0)))).toEqual(
      wanted?.log,
    );
    expect(registerValue(prediction, 'RTMR0')).toBe(wanted?.expected);
    expect(registerValue(prediction, 'RTMR1')).toBe(logs[1]?.expected);
  });
});

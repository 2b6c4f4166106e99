import { describe, expect, it } from 'vitest';
import {
  defaultHasher,
  hashNames,
  parseEventLog,
  parseVariableData,
  readPe,
  toHex,
} from '../../src/index.ts';
import type { PredictionContext } from '../../src/predict/context.ts';
import { authorityEvent, secureBootEvents } from '../../src/predict/pcr07.ts';
import { secureBootVariables } from '../../src/secure-boot/variables.ts';
import { CommonBeginnings } from '../../src/tpm/common-beginnings.ts';
import { parseSignatureLists } from '../../src/uefi/signature-list.ts';
import { makePe } from '../make-pe.ts';
import { haveVectors, vectorBytes } from '../vectors.ts';

const uki = makePe([]);
const context: PredictionContext = {
  uki,
  pe: readPe(uki),
  stub: { unknown: '' },
  gpt: 'none',
  machine: { secureBoot: 'on' },
  kernel: {},
  secureBoot: { kind: 'missing', reason: '' },
  hasher: defaultHasher,
  beginnings: new CommonBeginnings(),
  banks: hashNames,
};

describe.skipIf(!haveVectors)(
  'secureBootEvents() and authorityEvent() equal real boots with own keys',
  () => {
    it.each([
      '11-trixie-secboot-257-own-keys',
      '13-forky-secboot-262-own-keys-2g',
      '17-bookworm-secboot-252-own-keys',
      '23-forky-secboot-262-4g-2cpu-own-keys',
    ])('%s', (boot) => {
      const log = parseEventLog(vectorBytes('ovmf-boots', boot, 'eventlog.bin'));
      const observed = log.events.filter(({ registerIndex }) => registerIndex === 7);
      const variables = observed
        .filter(({ untrustedData }) => untrustedData.length > 4)
        .map((event) => parseVariableData(event.untrustedData));
      const given = Object.fromEntries(variables.slice(1, 5).map(({ name, data }) => [name, data]));
      const [first] = parseSignatureLists(given['db'] ?? expect.fail('no db'));
      const encoded = first?.signatures[0]?.encoded ?? expect.fail('no certificate in db');
      const predicted = [
        ...secureBootEvents(context, Uint8Array.of(1), secureBootVariables(given)),
        authorityEvent(context, { encoded, description: '' }),
      ];
      for (const bank of hashNames) {
        expect(predicted.map(({ digests }) => toHex(digests[bank] ?? expect.fail()))).toEqual(
          observed.map(({ digests }) => toHex(digests.get(bank) ?? expect.fail())),
        );
      }
      expect(predicted.map(({ data }) => toHex(data))).toEqual(
        observed.map(({ untrustedData }) => toHex(untrustedData)),
      );
    });
  },
);

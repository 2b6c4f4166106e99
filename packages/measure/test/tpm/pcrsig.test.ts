import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { MeasureError } from '../../src/error.ts';
import { defaultHasher, type HashName, hash } from '../../src/hash.ts';
import { extendPcr } from '../../src/tpm/pcr.ts';
import { encodePcrSignature, pcrPhasePolicies } from '../../src/tpm/pcrsig.ts';
import { makePrediction, tpmPrediction } from '../reference-values/make-prediction.ts';

const banks: readonly HashName[] = ['sha256', 'sha384'];

describe('pcrPhasePolicies()', () => {
  const start = (bank: HashName) =>
    tpmPrediction.registers.find(({ register }) => register === 'PCR11')?.values[bank] ?? new Uint8Array();
  const after = (bank: HashName, ...words: string[]) =>
    words.reduce(
      (value, word) =>
        extendPcr(defaultHasher, bank, value, hash(defaultHasher, bank, new TextEncoder().encode(word))),
      start(bank),
    );

  it('extends PCR 11 with each word of a phase, and starts from the predicted value each time', () => {
    const policies = pcrPhasePolicies(
      tpmPrediction,
      ['', 'enter-initrd', 'enter-initrd:leave-initrd'],
      banks,
    );
    expect(policies.map(({ bank, phase, value }) => [phase, bank, toHex(value)])).toEqual(
      [[], ['enter-initrd'], ['enter-initrd', 'leave-initrd']].flatMap((words) =>
        banks.map((bank) => [words.join(':'), bank, toHex(after(bank, ...words))]),
      ),
    );
    expect(policies.every(({ policy }) => policy.length === 32)).toBe(true);
  });

  it('takes empty words as systemd-measure does: they measure nothing', () => {
    const [one, other] = pcrPhasePolicies(tpmPrediction, ['', '::'], ['sha256']);
    expect(one?.policy).toEqual(other?.policy);
  });

  it.each(['assumed', 'host-dependent', 'unpredictable', 'not-predicted'] as const)(
    'refuses to make a policy of a PCR 11 that is %s',
    (status) => {
      const prediction = makePrediction('tpm', { PCR11: status });
      expect(() => pcrPhasePolicies(prediction, [''], ['sha256'])).toThrow(
        `PCR 11 is not predicted (${status}`,
      );
    },
  );

  it('refuses a machine without PCR 11, a bank that is not there, and a phase with other characters', () => {
    expect(() => pcrPhasePolicies(makePrediction('tpm', { PCR4: 'predicted' }), [''], banks)).toThrow(
      MeasureError,
    );
    expect(() => pcrPhasePolicies({ ...tpmPrediction, registers: [] }, [''], banks)).toThrow(MeasureError);
    expect(() => pcrPhasePolicies(tpmPrediction, ['enter initrd'], banks)).toThrow('No word of a boot phase');
  });
});

describe('encodePcrSignature()', () => {
  it('lists entries by bank in order, and equal policies once', () => {
    const policy = new Uint8Array(32).fill(1);
    const text = encodePcrSignature(
      [
        { bank: 'sha256', policy, signature: 'c2ln' },
        { bank: 'sha256', policy, signature: 'c2ln' },
        { bank: 'sha384', policy, signature: 'c2ln' },
      ],
      new Uint8Array(32).fill(2),
    );
    const entry = { pcrs: [11], pkfp: '02'.repeat(32), pol: '01'.repeat(32), sig: 'c2ln' };
    expect(JSON.parse(text)).toEqual({ sha256: [entry], sha384: [entry] });
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import { type ImaFacts, toHex } from '../../src/index.ts';
import type { PredictionContext } from '../../src/predict/context.ts';
import { predictPcr10 } from '../../src/predict/pcr10.ts';
import type { RegisterPrediction } from '../../src/predict/prediction.ts';
import { tpmContext } from '../../src/predict/tpm-register.ts';
import { makeKernel, makeUki } from '../make-pe.ts';

const all = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
const value = (index: number) => new Uint8Array(32).fill(index);
const earlier = Array.from(
  { length: 10 },
  (_, registerIndex): RegisterPrediction => ({
    register: `PCR${registerIndex}`,
    registerIndex,
    status: 'predicted',
    reason: '',
    covers: '',
    events: [],
    values: { sha256: value(registerIndex) },
  }),
);

function context(ima: boolean | ImaFacts | undefined, cmdline = 'quiet'): PredictionContext {
  const uki = makeUki('257', { '.cmdline': ascii(cmdline), '.linux': makeKernel() });
  return tpmContext({ uki, machine: { secureBoot: 'off' }, kernel: { ima } }, (name) => createHash(name));
}

const aggregate = createHash('sha256')
  .update(concatBytes(earlier.map(({ values }) => values.sha256 ?? new Uint8Array(0))))
  .digest();
/** The record as Linux's `ima-sig` template has it: three fields, each behind its length. */
const record = concatBytes([
  Uint8Array.of(40, 0, 0, 0),
  ascii('sha256:\0'),
  aggregate,
  Uint8Array.of(15, 0, 0, 0),
  ascii('boot_aggregate\0'),
  Uint8Array.of(0, 0, 0, 0),
]);
const digest = (bank: string) => createHash(bank).update(record).digest('hex');

function digests(ima: ImaFacts) {
  const answer = predictPcr10(context(ima), earlier);
  if (!('events' in answer)) return expect.fail(answer.reason);
  const [event] = answer.events;
  return Object.fromEntries(
    Object.entries(event?.digests ?? {}).map(([bank, bytes]) => [bank, toHex(bytes)]),
  );
}

describe('predictPcr10()', () => {
  it('has the digest over PCR 0 to 9 for a kernel with IMA and without a policy', () => {
    expect(digests({ template: 'ima-sig', hashes: all })).toEqual(
      Object.fromEntries(all.map((bank) => [bank, digest(bank)])),
    );
  });

  it('has no field for a signature in template ima-ng', () => {
    expect(digests({ template: 'ima-ng', hashes: all })['sha256']).toBe(
      createHash('sha256').update(record.subarray(0, -4)).digest('hex'),
    );
  });

  it('has SHA-1 with zeros behind it in banks whose algorithm is a module', () => {
    // As a boot of Debian's Linux 6.1 has shown, where SHA-512 is one.
    expect(digests({ template: 'ima-sig', hashes: ['sha1', 'sha256'] })).toEqual({
      sha1: digest('sha1'),
      sha256: digest('sha256'),
      sha384: digest('sha1') + '00'.repeat(28),
      sha512: digest('sha1') + '00'.repeat(44),
    });
  });

  const ima: ImaFacts = { template: 'ima-sig', hashes: all };

  it('is no better known than the registers before it', () => {
    const unknown = earlier.map((each) => (each.registerIndex === 1 ? { ...each, values: {} } : each));
    expect(predictPcr10(context(ima), unknown)).toMatchObject({
      status: 'host-dependent',
      reason: 'The kernel’s IMA measures PCR 0 to 9, of which PCR 1 is not known in SHA-256',
    });
    const assumed = earlier.map((each) => ({ ...each, status: 'assumed' as const }));
    expect(predictPcr10(context(ima), assumed).status).toBe('assumed');
  });

  it.each(['ima_policy=tcb', 'quiet ima_hash=sha512', 'ima.ahash_minsize=0'])(
    'is unpredictable with "%s"',
    (cmdline) => {
      expect(predictPcr10(context(ima, cmdline), earlier).status).toBe('unpredictable');
    },
  );

  it('is zero without IMA, unpredictable where it may have a policy, and else follows from the kernel', () => {
    expect(predictPcr10(context(false))).toMatchObject({ status: 'predicted', events: [] });
    expect(predictPcr10(context(true)).status).toBe('unpredictable');
    expect(predictPcr10(context(undefined)).status).toBe('host-dependent');
  });
});

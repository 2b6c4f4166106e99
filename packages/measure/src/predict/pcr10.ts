import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { digestSizes, type HashName, hash } from '../hash.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import type { ImaFacts } from './machine.ts';
import type { PredictedEvent, RegisterPrediction } from './prediction.ts';
import { stubInputs } from './stub-inputs.ts';

/** What PCR 10 covers. */
export const describePcr10 = (): string => 'Files that the kernel measures as it uses them (IMA)';

/**
 * PCR 10: zero when the kernel is built without IMA. With it and without a policy, the kernel measures one thing as it
 * starts: a digest over PCR 0 to 9. `earlier` holds the registers before this one.
 */
export function predictPcr10(
  context: PredictionContext,
  earlier: readonly RegisterPrediction[] = [],
): RegisterAnswer {
  const { ima } = context.kernel;
  if (ima === false)
    return { status: 'predicted', reason: 'Zero: the kernel is built without IMA', events: [] };
  if (ima === true)
    return { status: 'unpredictable', reason: 'The kernel’s IMA extends it while the system runs' };
  if (ima === undefined)
    return { status: 'host-dependent', reason: 'Whether the kernel is built with IMA is not known' };
  return predictBootAggregate(context, ima, earlier);
}

/** Registers that the aggregate covers (Linux security/integrity/ima/ima_crypto.c `ima_calc_boot_aggregate_tfm`). */
const covered = 10;

function predictBootAggregate(
  context: PredictionContext,
  ima: ImaFacts,
  earlier: readonly RegisterPrediction[],
): RegisterAnswer {
  if ('unknown' in context.stub) return { status: 'unpredictable', reason: context.stub.unknown };
  const { text = '' } = stubInputs(context, context.stub.value).commandLine;
  if (/(^| )ima[_.]/.test(text))
    return { status: 'unpredictable', reason: 'The command line sets up the kernel’s IMA' };
  const values: Uint8Array[] = [];
  for (let index = 0; index < covered; index++) {
    const value = earlier.find(({ registerIndex }) => registerIndex === index)?.values.sha256;
    if (!value) {
      const reason = `The kernel’s IMA measures PCR 0 to 9, of which PCR ${index} is not known in SHA-256`;
      return { status: 'host-dependent', reason };
    }
    values.push(value);
  }
  const assumed = earlier.some(
    ({ registerIndex, status }) => registerIndex < covered && status === 'assumed',
  );
  const aggregate = hash(context.hasher, 'sha256', ...values);
  return {
    status: assumed ? 'assumed' : 'predicted',
    reason: assumed
      ? 'The kernel’s IMA measures PCR 0 to 9, one of which is assumed'
      : 'The kernel’s IMA measures PCR 0 to 9 as it starts, and without a policy nothing more',
    events: [bootAggregate(context, ima, aggregate)],
  };
}

/**
 * Each field with its length; the last one, a signature, is empty (Linux security/integrity/ima/ima_template.c,
 * ima_crypto.c `ima_calc_field_array_hash`).
 */
function bootAggregate(
  context: PredictionContext,
  { template, hashes }: ImaFacts,
  digest: Uint8Array,
): PredictedEvent {
  const fields = [
    new Writer().bytes(ascii('sha256:\0')).bytes(digest).finish(),
    ascii('boot_aggregate\0'),
    ...(template === 'ima-sig' ? [new Uint8Array(0)] : []),
  ];
  const writer = new Writer();
  for (const field of fields) writer.u32(field.length).bytes(field);
  const data = writer.finish();
  const event = pcrEvent(context, 10, {
    stage: 'exit-boot-services',
    eventType: 'EV_IPL',
    measured: [data],
    data,
    source: { kind: 'computed', from: 'PCR 0 to 9 in SHA-256', length: data.length },
    clause: 'Linux security/integrity/ima/ima_init.c `ima_add_boot_aggregate`',
    dependsOn: ['kernel', 'firmware', 'image', 'stub'],
    description: `IMA's record "boot_aggregate" over PCR 0 to 9, template ${template}`,
  });
  const padded = (bank: HashName): Uint8Array => {
    const bytes = new Uint8Array(digestSizes[bank]);
    bytes.set(hash(context.hasher, 'sha1', data));
    return bytes;
  };
  const others = context.banks.filter((bank) => !hashes.includes(bank)).map((bank) => [bank, padded(bank)]);
  return { ...event, digests: { ...event.digests, ...Object.fromEntries(others) } };
}

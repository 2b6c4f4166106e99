import { MeasureError } from '../../error.ts';
import { type GptEvent, parseGptEvent } from '../../tcg/decode/gpt-event.ts';
import { type CauseRule, likely, proven, typeOf } from '../cause.ts';
import { sectionCause } from './image.ts';

/** Which entry of the partition table is another one. */
export const partitionTableCause: CauseRule = ({ row }, context) => {
  if (!typeOf(row).startsWith('EV_EFI_GPT_EVENT')) return undefined;
  if (row.relation === 'missing') return likely('partition-table', 'The boot disk has no partition table');
  if (row.relation === 'extra')
    return likely('partition-table', `A partition table more than predicted: ${row.observed.said.text}`);
  const before = read(row.predicted.data);
  const after = read(row.observed?.event.untrustedData);
  if (!before || !after) return likely('partition-table', 'The boot disk is partitioned otherwise');
  const image = sectionCause(context.sections);
  if (image && hasOtherGuids(before, after))
    return likely(
      image.code,
      `${image.text}; altee gives the disk and its partition GUIDs that follow from the image, and they are other ones`,
    );
  const sure = row.observed?.check.verdict === 'verified' ? proven : likely;
  return sure('partition-table', `Another partition table: ${changes(before, after)}`);
};

/** Both kinds of GUIDs are other ones, as on a disk that altee wrote for another image. */
function hasOtherGuids(before: GptEvent, after: GptEvent): boolean {
  return (
    before.diskGuid !== after.diskGuid &&
    before.partitions.length === after.partitions.length &&
    after.partitions.every(
      ({ typeGuid, uniqueGuid }, index) =>
        typeGuid === before.partitions[index]?.typeGuid &&
        uniqueGuid !== before.partitions[index]?.uniqueGuid,
    )
  );
}

function changes(before: GptEvent, after: GptEvent): string {
  const found: string[] = [];
  if (before.diskGuid !== after.diskGuid)
    found.push(`the disk is ${after.diskGuid}, predicted was ${before.diskGuid}`);
  if (before.partitions.length !== after.partitions.length)
    found.push(`${after.partitions.length} partitions, predicted were ${before.partitions.length}`);
  after.partitions.forEach((partition, index) => {
    const wanted = before.partitions[index];
    if (!wanted) return;
    for (const key of ['typeGuid', 'uniqueGuid', 'firstLba', 'lastLba', 'attributes', 'name'] as const) {
      if (partition[key] !== wanted[key])
        found.push(
          `partition ${index + 1}: ${fieldNames[key]} is ${partition[key]}, predicted was ${wanted[key]}`,
        );
    }
  });
  if (found.length === 0) return 'its header holds other sizes or checksums';
  return found.length > 4
    ? `${found.slice(0, 4).join('; ')}; and ${found.length - 4} differences more`
    : found.join('; ');
}

const fieldNames = {
  typeGuid: 'its type',
  uniqueGuid: 'its GUID',
  firstLba: 'its first block',
  lastLba: 'its last block',
  attributes: 'its attributes',
  name: 'its name',
} as const;

function read(data: Uint8Array | undefined): GptEvent | undefined {
  try {
    return data && parseGptEvent(data);
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}

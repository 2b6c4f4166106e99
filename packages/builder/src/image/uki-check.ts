import { createHash } from 'node:crypto';
import { checkUki, equalBytes, loadedBytes, loadSection, type PeImage, readPe } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { peChecksum } from './pe-checksum.ts';
import type { PlacedSection } from './uki-section.ts';

/** Seconds since 1970 in the header: no time at all. objcopy takes it from SOURCE_DATE_EPOCH. */
export const UKI_TIMESTAMP = 0;

/** Header fields that merging may not change: they say how firmware loads and starts the stub. */
const keptFields = [
  'machine',
  'format',
  'subsystem',
  'entryPoint',
  'imageBase',
  'sectionAlignment',
  'fileAlignment',
  'dllCharacteristics',
] as const satisfies readonly (keyof PeImage)[];

/**
 * Reads a merged image back and compares it with what it was made of. Throws `image-invalid` with every finding:
 * whatever firmware would refuse, header bytes that could vary from build to build, a section of the stub that
 * changed, and an added section that is not in its place or doesn't hold its input.
 */
export function checkMergedUki(image: Uint8Array, stub: Uint8Array, added: readonly PlacedSection[]): void {
  const findings = checkUki(image).map(({ message }) => message);
  if (findings.length === 0) {
    const pe = readPe(image);
    const stubPe = readPe(stub);
    findings.push(
      ...checkHeaders(image, pe, stubPe),
      ...checkStubSections(image, pe, stub, stubPe),
      ...checkAddedSections(image, pe, stubPe.sections.length, added),
    );
  }
  if (findings.length > 0) {
    throw new BuilderError('image-invalid', `The EFI file came out wrong: ${findings[0]}`, {
      hint: 'The stub or objcopy of the lock is not one that altee knows: go back to the lock that worked',
      details: findings,
    });
  }
}

function checkHeaders(image: Uint8Array, pe: PeImage, stub: PeImage): string[] {
  const findings: string[] = [];
  for (const field of keptFields) {
    if (pe[field] !== stub[field])
      findings.push(`${field} was ${stub[field]} in the stub and is ${pe[field]}`);
  }
  if (pe.timeDateStamp !== UKI_TIMESTAMP)
    findings.push(`TimeDateStamp is ${pe.timeDateStamp}, not ${UKI_TIMESTAMP}`);
  const checkSum = peChecksum(image, pe.checkSumOffset);
  if (pe.checkSum !== checkSum) findings.push(`CheckSum is ${pe.checkSum}, but the file's is ${checkSum}`);
  return findings;
}

function checkStubSections(image: Uint8Array, pe: PeImage, stub: Uint8Array, stubPe: PeImage): string[] {
  return stubPe.sections.flatMap((before, i) => {
    const after = pe.sections[i];
    const same =
      after?.name === before.name &&
      after.virtualAddress === before.virtualAddress &&
      after.virtualSize === before.virtualSize &&
      after.characteristics === before.characteristics &&
      equalBytes(loadedBytes(loadSection(image, after)), loadedBytes(loadSection(stub, before)));
    return same ? [] : [`Section "${before.name}" is not as it is in the stub`];
  });
}

function checkAddedSections(
  image: Uint8Array,
  pe: PeImage,
  firstAdded: number,
  added: readonly PlacedSection[],
): string[] {
  const findings = added.flatMap((wanted, i) => {
    const section = pe.sections[firstAdded + i];
    if (section?.name !== wanted.name)
      return [`Section "${wanted.name}" is not where it belongs in the table`];
    if (section.virtualAddress !== wanted.address || section.virtualSize !== wanted.size) {
      return [`Section "${wanted.name}" is not at address ${wanted.address} with ${wanted.size} bytes`];
    }
    const digest = createHash('sha256')
      .update(loadedBytes(loadSection(image, section)))
      .digest('hex');
    return `sha256:${digest}` === wanted.digest ? [] : [`Section "${wanted.name}" doesn't hold its input`];
  });
  const count = firstAdded + added.length;
  if (pe.sections.length !== count) findings.push(`There are ${pe.sections.length} sections, not ${count}`);
  return findings;
}

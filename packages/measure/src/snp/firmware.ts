import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher } from '../hash.ts';
import { readGuidedTable } from './guided-table.ts';
import { PageDigest } from './page-digest.ts';
import {
  pageSize,
  readHashTableArea,
  readResetAddress,
  readSevMetadata,
  type SevSection,
} from './sev-metadata.ts';

/** Firmware is mapped so that it ends here. */
const fourGib = 2 ** 32;

/** Firmware as an SEV-SNP guest starts with it; made once, good for every machine with that file. */
export interface SnpFirmware {
  /** Guest physical address of its first byte. */
  readonly gpa: number;
  readonly size: number;
  /** The launch digest when all its pages are measured: a fact of the file alone. */
  readonly pagesDigest: Uint8Array;
  readonly sections: readonly SevSection[];
  /** Where all processors but the first start. */
  readonly resetAddress: number | undefined;
  /** Where it looks for the table of kernel hashes, when it was built to. */
  readonly hashTable: { readonly gpa: number; readonly size: number } | undefined;
}

/**
 * Reads what SEV-SNP needs of a firmware file and measures its pages. `pagesDigest` spares the hashing when it is known:
 * it is then taken at its word. Throws `not-found` for firmware that isn't made for SEV-SNP, `malformed`, `unsupported`.
 */
export function readSnpFirmware(
  firmware: Uint8Array,
  hasher: Hasher = defaultHasher,
  pagesDigest?: Uint8Array,
): SnpFirmware {
  const { length } = firmware;
  if (length === 0 || length % pageSize !== 0 || length > 2 ** 28) {
    throw new MeasureError(
      'malformed',
      `Firmware of ${length} bytes can't be mapped: it must be whole pages, up to 256 MiB`,
    );
  }
  const table = readGuidedTable(firmware);
  const sections = readSevMetadata(firmware, table);
  const gpa = fourGib - length;
  return {
    gpa,
    size: length,
    pagesDigest: pagesDigest ?? digestPages(firmware, gpa, hasher),
    sections,
    resetAddress: readResetAddress(table),
    hashTable: readHashTableArea(table),
  };
}

function digestPages(firmware: Uint8Array, gpa: number, hasher: Hasher): Uint8Array {
  const digest = new PageDigest(hasher);
  digest.addContents('normal', BigInt(gpa), firmware);
  return digest.value;
}

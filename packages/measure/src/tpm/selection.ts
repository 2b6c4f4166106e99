import { MeasureError } from '../error.ts';
import type { HashName } from '../hash.ts';
import { tpmHashAlgorithms } from './bank.ts';

/** PCRs of one bank. */
export interface PcrSelection {
  readonly bank: HashName;
  /** Indices, ascending, each once. */
  readonly pcrs: readonly number[];
}

/** A TPM has 24 PCRs, a bitmap of three bytes (PC Client Platform TPM Profile 1.06, 4.6.2; `PCR_SELECT_MIN`). */
const PCR_COUNT = 24;
const SELECT_BYTES = PCR_COUNT / 8;

/** The selection in order. Throws `malformed` for an index outside 0 to 23, and for none at all. */
export function pcrSelection(bank: HashName, pcrs: Iterable<number>): PcrSelection {
  const sorted = [...new Set(pcrs)].toSorted((a, b) => a - b);
  if (sorted.length === 0) throw new MeasureError('malformed', 'A selection of PCRs names at least one');
  const wrong = sorted.find((pcr) => !Number.isInteger(pcr) || pcr < 0 || pcr >= PCR_COUNT);
  if (wrong !== undefined)
    throw new MeasureError('malformed', `There is no PCR ${wrong}: they count from 0 to 23`);
  return { bank, pcrs: sorted };
}

/** As the TPM2 tools take it: `sha256:4,9,11`. */
export function formatPcrSelection({ bank, pcrs }: PcrSelection): string {
  return `${bank}:${pcrs.join(',')}`;
}

/**
 * TPML_PCR_SELECTION with this one selection (TPM 2.0 Library part 2, 10.6.2 and 10.9.7): u32 count, then u16 hash
 * algorithm, u8 size of the bitmap, bitmap with the lowest PCR in the lowest bit. Numbers are big-endian.
 */
export function encodePcrSelection({ bank, pcrs }: PcrSelection): Uint8Array {
  const algorithm = tpmHashAlgorithms.find(({ name }) => name === bank)?.id ?? 0;
  const bytes = new Uint8Array(4 + 2 + 1 + SELECT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1);
  view.setUint16(4, algorithm);
  view.setUint8(6, SELECT_BYTES);
  for (const pcr of pcrs) {
    const at = 7 + (pcr >> 3);
    view.setUint8(at, view.getUint8(at) | (1 << (pcr & 7)));
  }
  return bytes;
}

import { Reader } from '../bytes/reader.ts';
import { showAscii } from '../bytes/text.ts';
import type { EventLog } from './event-log.ts';

/** The ACPI table that says where a confidential VM's event log lies (ACPI 6.5, 5.2.34). */
export interface CcelTable {
  /** 1 is SEV, 2 is TDX. */
  readonly ccType: number;
  readonly ccSubtype: number;
  /** Minimum length of the log's area, in bytes. */
  readonly logAreaLength: bigint;
  /** Where the area starts in the guest's memory. */
  readonly logAreaAddress: bigint;
}

/** Size of the table in bytes; its data area is another file of Linux (`acpi/tables/data/CCEL`). */
export const ccelTableBytes = 56;

/** True for bytes that start with an ACPI table of that name. */
export function isCcelTable(bytes: Uint8Array): boolean {
  return showAscii(bytes.subarray(0, 4)) === 'CCEL';
}

/** Reads the ACPI table "CCEL". Throws `truncated` or `malformed`. */
export function parseCcelTable(bytes: Uint8Array): CcelTable {
  const reader = new Reader(bytes, 'CCEL');
  if (!isCcelTable(bytes)) throw reader.error('malformed', 'Signature', 'not "CCEL"');
  reader.skip(4, 'Signature');
  const length = reader.u32('Length');
  if (length < ccelTableBytes) throw reader.error('malformed', 'Length', `${length} is too short`, 4);
  reader.skip(28, 'ACPI header');
  const ccType = reader.u8('CC Type');
  const ccSubtype = reader.u8('CC Subtype');
  reader.skip(2, 'Reserved');
  return {
    ccType,
    ccSubtype,
    logAreaLength: reader.u64('Log Area Minimum Length'),
    logAreaAddress: reader.u64('Log Area Start Address'),
  };
}

/**
 * Whether a crypto-agile log is of a confidential VM: its header stands at measurement register 1 (edk2
 * OvmfPkg TdTcg2Dxe `CreateTdxEventLog`), a TPM's at PCR 0, and its one algorithm is SHA-384.
 */
export function isCcEventLog(log: EventLog, headerIndex: number): boolean {
  const [only, ...others] = log.algorithms;
  return headerIndex === 1 && only?.name === 'sha384' && others.length === 0;
}

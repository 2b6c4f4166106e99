import type { EventLog } from './event-log.ts';

/**
 * How a log's bytes are written.
 *
 * - `tcg2`: crypto-agile, of a TPM 2.0 (`binary_bios_measurements` of Linux).
 * - `sha1`: of TPM 1.2 and early firmware.
 * - `cc`: crypto-agile, of a confidential VM's measurement registers (CCEL).
 * - `cel-tlv`, `cel-cbor`, `cel-json`: TCG Canonical Event Log Format 1.0, in its three encodings. `cel-json` is also
 *   the log that systemd writes (`tpm2-measure.log`).
 * - `dstack`: the JSON of dstack's guest agent.
 */
export type EventLogKind = 'tcg2' | 'sha1' | 'cc' | 'cel-tlv' | 'cel-cbor' | 'cel-json' | 'dstack';

/** What the register indices of a log count. Of `cc`, 0 is MRTD and n + 1 is RTMR n (UEFI 2.11, 38.4.1). */
export type LogRegisters = 'pcr' | 'cc';

/** A log that was found in a file, as far as it could be read. */
export interface EventLogFile {
  readonly kind: EventLogKind;
  readonly registers: LogRegisters;
  readonly log: EventLog;
  /** Bytes of 0x00 or 0xff behind the last event. */
  readonly paddingBytes: number;
  /** What could not be read: nothing is known of what it holds, so that the log proves no register. */
  readonly damage: LogDamage | undefined;
}

/** The part of a file behind the last event that could be read. Offsets and lengths in bytes. */
export interface LogDamage {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
}

/** A register's name in a log: `PCR4`, `RTMR1`. */
export function registerName(
  registers: LogRegisters,
  index: number,
): `PCR${number}` | 'MRTD' | `RTMR${number}` {
  if (registers === 'pcr') return `PCR${index}`;
  return index === 0 ? 'MRTD' : `RTMR${index - 1}`;
}

import type { RecordedRegister } from '../predict/parse-json.ts';
import type { Subject } from './policy-file.ts';
import { subjectTitle, valueHex } from './subject.ts';

/** One entry of a measurements file as cvm-reverse-proxy and attested-tls read it. */
export interface MeasurementEntry {
  readonly measurement_id: string;
  readonly attestation_type: string;
  readonly measurements: Readonly<Record<string, unknown>>;
}

/**
 * The entry for a TDX platform; `key` names a register, `expect` puts its value. Both programs accept any machine
 * of the attestation type where an entry names no register, hence there is no such entry.
 */
export function tdxEntry(
  subject: Subject,
  attestationType: string,
  key: (register: RecordedRegister) => string,
  expect: (hex: string) => unknown,
): MeasurementEntry {
  return {
    measurement_id: subjectTitle(subject),
    attestation_type: attestationType,
    measurements: Object.fromEntries(
      subject.pinned.map((register) => [key(register), expect(valueHex(register, 'sha384'))]),
    ),
  };
}

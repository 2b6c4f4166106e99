import { encodeJson } from './encode.ts';
import { tdxEntry } from './flashbots.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered } from './subject.ts';

/** Attestation types by kind of platform (attested-tls crates/attestation README, "Attestation Types"). */
const attestationTypes: Readonly<Record<string, string>> = { 'gcp-tdx': 'gcp-tdx' };

/** TDX without a cloud's name; accepted by every version, where `qemu-tdx` was dropped again. */
const ANY_TDX = 'dcap-tdx';

/**
 * Measurements file of attested-tls: as cvm-reverse-proxy's, with registers by name and `expected_any`, a list of
 * accepted values (crates/attestation/src/measurements.rs). Both keys are what its documentation recommends.
 */
export function writeAttestedTls(subjects: readonly Subject[]): Written {
  const entries = subjects.map((subject) =>
    tdxEntry(
      subject,
      attestationType(subject.kind),
      ({ register }) => register.toLowerCase(),
      (hex) => ({ expected_any: [hex] }),
    ),
  );
  const file = {
    path: 'attested-tls.json',
    bytes: encodeJson(entries),
    covers: subjects.flatMap((subject) => covered(subject, subject.pinned, ['sha384'])),
    leavesOut: subjects.flatMap(({ leftOut }) => leftOut),
  };
  return { files: [file], notWritten: [] };
}

/** The attestation type that a platform's evidence has. */
export function attestationType(kind: string): string {
  return attestationTypes[kind] ?? ANY_TDX;
}

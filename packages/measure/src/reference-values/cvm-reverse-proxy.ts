import { encodeJson } from './encode.ts';
import { tdxEntry } from './flashbots.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered } from './subject.ts';

/**
 * Measurements file of Flashbots' cvm-reverse-proxy (`common/expected_measurements.go`, data schema v2): a list of
 * entries, registers by number (0 MRTD, 1 to 4 RTMR 0 to 3), `expected` in hex. Registers that an entry doesn't name
 * are not compared. Every TDX machine that isn't Azure's is `dcap-tdx` there.
 */
export function writeCvmReverseProxy(subjects: readonly Subject[]): Written {
  const entries = subjects.map((subject) =>
    tdxEntry(
      subject,
      'dcap-tdx',
      ({ registerIndex }) => String(registerIndex),
      (hex) => ({ expected: hex }),
    ),
  );
  const file = {
    path: 'cvm-reverse-proxy.json',
    bytes: encodeJson(entries),
    covers: subjects.flatMap((subject) => covered(subject, subject.pinned, ['sha384'])),
    leavesOut: subjects.flatMap(({ leftOut }) => leftOut),
  };
  return { files: [file], notWritten: [] };
}

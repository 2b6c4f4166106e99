import { encodeJson } from './encode.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered, valueHex } from './subject.ts';

/**
 * Our own: every register that may be pinned with its values in every bank, and every other one with the reason why
 * it isn't there. It holds what `measurements.json` says, without the events.
 */
export function writeAlteeJson(subjects: readonly Subject[]): Written {
  const references = subjects.map((subject) => ({
    image: subject.image,
    platform: subject.platform,
    kind: subject.kind,
    technology: subject.technology,
    registers: Object.fromEntries(
      subject.pinned.map((register) => [
        register.register,
        Object.fromEntries(subject.banks.map((bank) => [bank, valueHex(register, bank)])),
      ]),
    ),
    leftOut: Object.fromEntries(subject.leftOut.map(({ register, reason }) => [register, reason])),
  }));
  const file = {
    path: 'altee.json',
    bytes: encodeJson({ apiVersion: 'altee/reference-values/v1', references }),
    covers: subjects.flatMap((subject) => covered(subject, subject.pinned, subject.banks)),
    leavesOut: subjects.flatMap(({ leftOut }) => leftOut),
  };
  return { files: [file], notWritten: [] };
}

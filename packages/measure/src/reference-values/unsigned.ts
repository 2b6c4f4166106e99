import type { Subject, Written } from './policy-file.ts';

/** A policy that is a signature cannot be written without the key: whoever has it writes the file. */
export function writeUnsigned(subjects: readonly Subject[]): Written {
  const reason = 'It is a signature with a key of yours: altee policy --sign-key';
  return { files: [], notWritten: subjects.map(({ image, platform }) => ({ image, platform, reason })) };
}

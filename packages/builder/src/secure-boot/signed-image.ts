import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, MeasureError, type PeImage, peDirectories, readPe } from '@altee/measure';
import { BuilderError } from '../error.ts';

/** A built image and where it lies. */
interface ImageFile {
  readonly path: string;
  readonly sha256: string;
}

/**
 * A copy, in `folder`, of the built image as the user signed it: what goes to the disk and is measured from here on.
 * Throws `invalid-input` where there is no such file, and what {@link checkSignedImage} throws.
 */
export async function takeSignedImage(
  built: ImageFile,
  signedFile: string,
  folder: string,
): Promise<{ path: string; size: number; sha256: string }> {
  const signed = await readFile(signedFile).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read the signed image "${signedFile}"`, { cause });
  });
  checkSignedImage(await readFile(built.path), signed, signedFile);
  const path = join(folder, 'signed.efi');
  await writeFile(path, signed);
  const sha256 = createHash('sha256').update(signed).digest('hex');
  return { path, size: signed.length, sha256: `sha256:${sha256}` };
}

/**
 * Checks that a signed file is the built image and a signature, nothing more: altee holds no keys, so that the
 * signature comes from the user's own tool, and what that tool gives back is not trusted with the contents. The files
 * may differ in CheckSum, in the certificate table's directory entry, in zeros up to a multiple of eight bytes, and in
 * the table itself, which ends the file. Throws `image-invalid`.
 */
export function checkSignedImage(built: Uint8Array, signed: Uint8Array, name: string): void {
  const refused = (problem: string, hint: string) =>
    new BuilderError('image-invalid', `"${name}" ${problem}`, { hint });
  const pe = readImage(signed, name);
  const table = pe.dataDirectories[peDirectories.certificateTable];
  if (!table || table.size === 0)
    throw refused('is not signed', 'Sign it with a key whose certificate db holds');
  if (table.address + table.size !== signed.length || table.address < built.length)
    throw refused('has its signature in an odd place', 'Sign the image anew; it stands unsigned in "dist"');
  const contents = signed.subarray(0, built.length);
  const padding = signed.subarray(built.length, table.address);
  if (
    padding.length >= 8 ||
    padding.some((byte) => byte !== 0) ||
    !equalBytes(unsigned(built, pe), unsigned(contents, pe))
  )
    throw refused(
      'is another image than the one built from this manifest',
      'Build, then sign what was built',
    );
}

/** A copy without what a signature changes. */
function unsigned(bytes: Uint8Array, { checkSumOffset, certificateEntryOffset }: PeImage): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.fill(0, checkSumOffset, checkSumOffset + 4);
  if (certificateEntryOffset !== undefined) copy.fill(0, certificateEntryOffset, certificateEntryOffset + 8);
  return copy;
}

function readImage(bytes: Uint8Array, name: string): PeImage {
  try {
    return readPe(bytes);
  } catch (cause) {
    if (!(cause instanceof MeasureError)) throw cause;
    throw new BuilderError('image-invalid', `"${name}" is no EFI image: ${cause.message}`, { cause });
  }
}

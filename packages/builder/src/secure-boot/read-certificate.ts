import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { MeasureError, parseCertificate } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { readAtMost } from '../project.ts';
import { fileErrorReason } from '../store/file-error.ts';

/** The largest that firmware takes into a variable is far below. */
const CERTIFICATE_FILE_BYTES = 256 * 1024;
const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/**
 * A certificate in DER, from a file that holds it in DER or PEM. Throws `invalid-input` for anything else: no file, a
 * key, several certificates.
 */
export async function readCertificate(folder: string, path: string): Promise<Uint8Array> {
  const bytes = await readAtMost(join(folder, path), CERTIFICATE_FILE_BYTES).catch((cause: unknown) => {
    throw new BuilderError(
      'invalid-input',
      `Cannot read the certificate "${path}": ${fileErrorReason(cause)}`,
      {
        hint: 'Paths in the manifest are relative to its folder',
      },
    );
  });
  const text = Buffer.from(bytes).toString('latin1');
  if ((text.match(PEM_CERTIFICATE) ?? []).length > 1) {
    throw new BuilderError('invalid-input', `"${path}" holds several certificates`, {
      hint: 'Name a file for each',
    });
  }
  try {
    const der = new Uint8Array(new X509Certificate(bytes).raw);
    // What firmware and prediction read of it has to be there.
    parseCertificate(der);
    return der;
  } catch (cause) {
    throw new BuilderError('invalid-input', `"${path}" is no X.509 certificate in DER or PEM`, {
      hint: isPrivateKey(bytes)
        ? 'It is a private key: name the certificate; the key belongs to the tool that signs the image'
        : 'Give the certificate, not a signature list (.esl, .auth) or a key',
      ...(cause instanceof MeasureError ? { details: [cause.message] } : {}),
      cause,
    });
  }
}

function isPrivateKey(bytes: Uint8Array): boolean {
  if (Buffer.from(bytes).includes('PRIVATE KEY-----')) return true;
  try {
    createPrivateKey({ key: Buffer.from(bytes), format: 'der', type: 'pkcs8' });
    return true;
  } catch {
    return false;
  }
}

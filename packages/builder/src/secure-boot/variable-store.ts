import {
  addVariables,
  encodeCertificateLists,
  type NewVariable,
  type SecureBootVariables,
  variableGuids,
} from '@altee/measure';
import type { Platform } from '../platform/platform.ts';
import { readCertificate } from './read-certificate.ts';

/** The certificate files of a platform, as the manifest names them. */
export type SecureBootKeys = Exclude<Platform['secureBoot'], 'off'>;

/**
 * The owner of every key that altee enrols (EFI_SIGNATURE_DATA.SignatureOwner). It is measured, and so it never
 * changes. The value is altee's own and means nothing else.
 */
export const KEY_OWNER = '6c74e0a1-5b0e-4d3a-9e41-616c74656501';

/** Non-volatile, boot services, run time, time-based authenticated (UEFI 2.11, 8.2.1): as firmware stores keys. */
const KEY_ATTRIBUTES = 0x27;

/**
 * The contents of the variables PK, KEK and db with a platform's certificates, in the manifest's order and each in a
 * list of its own. Throws `invalid-input` for files that are no certificates.
 */
export async function readSecureBootKeys(
  folder: string,
  { pk, kek, db }: SecureBootKeys,
): Promise<Pick<SecureBootVariables, 'PK' | 'KEK' | 'db'>> {
  const lists = async (paths: readonly string[]): Promise<Uint8Array> => {
    const certificates: Uint8Array[] = [];
    for (const path of paths) certificates.push(await readCertificate(folder, path));
    return encodeCertificateLists(KEY_OWNER, certificates);
  };
  return { PK: await lists([pk]), KEK: await lists(kek), db: await lists(db) };
}

/**
 * An empty variable store with a platform's keys written into it, so that firmware enforces Secure Boot from the
 * first boot. The same certificates give the same bytes: no time is written. Throws `invalid-input`.
 */
export async function makeVariableStore(
  folder: string,
  keys: SecureBootKeys,
  empty: Uint8Array,
): Promise<Uint8Array> {
  const { PK, KEK, db } = await readSecureBootKeys(folder, keys);
  const variable = (guid: string, name: string, data: Uint8Array): NewVariable => ({
    guid,
    name,
    attributes: KEY_ATTRIBUTES,
    data,
  });
  const { global, imageSecurity } = variableGuids;
  return addVariables(empty, [
    variable(global, 'KEK', KEK),
    variable(global, 'PK', PK),
    variable(imageSecurity, 'db', db),
  ]);
}

import { X509Certificate } from 'node:crypto';
import { parseGuid } from '@altee/measure';

/** A variable that is written into a store before the machine is first started. */
export interface StoredVariable {
  readonly guid: string;
  readonly name: string;
  readonly attributes: number;
  readonly data: Uint8Array;
}

/** EFI_GLOBAL_VARIABLE and EFI_IMAGE_SECURITY_DATABASE_GUID (UEFI 2.11 §3.3, §32.4.1). */
const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const IMAGE_SECURITY = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';
/** Non-volatile, boot services, run time, time-based authenticated (UEFI 2.11 §8.2.1). */
const AUTHENTICATED = 0x27;
/** Non-volatile, boot services, run time. */
const PLAIN = 0x7;
const OWNER = 'a17ee000-0000-4000-8000-0000000000db';
/** UEFI 2.11 §32.4.1, "EFI_CERT_X509_GUID" and "EFI_CERT_SHA256_GUID". */
const X509 = 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072';
const SHA256 = 'c1c41626-504c-4092-aca9-41f936934328';

/** A list with one certificate, or with digests. */
export const certificateList = (pem: string): Uint8Array =>
  signatureList(X509, [new X509Certificate(pem).raw]);
export const digestList = (...digests: readonly Uint8Array[]): Uint8Array => signatureList(SHA256, digests);

/** EFI_SIGNATURE_LIST (UEFI 2.11 §32.4.1); all entries have one size. */
function signatureList(type: string, entries: readonly Uint8Array[]): Uint8Array {
  const size = 16 + (entries[0]?.length ?? 0);
  const header = Buffer.alloc(28);
  header.set(parseGuid(type));
  header.writeUInt32LE(28 + size * entries.length, 16);
  header.writeUInt32LE(size, 24);
  return Buffer.concat([header, ...entries.flatMap((entry) => [parseGuid(OWNER), entry])]);
}

/** The key variables of a machine; each a concatenation of signature lists. */
export function keyVariables(
  keys: {
    readonly [name in 'PK' | 'KEK' | 'db' | 'dbx']?: Uint8Array;
  },
): StoredVariable[] {
  return Object.entries(keys).map(([name, data]) => ({
    guid: name.startsWith('db') ? IMAGE_SECURITY : GLOBAL,
    name,
    attributes: AUTHENTICATED,
    data,
  }));
}

/** A boot variable: `BootOrder`, `Boot0000`. */
export function bootVariable(name: string, data: Uint8Array): StoredVariable {
  return { guid: GLOBAL, name, attributes: PLAIN, data };
}

/** Firmware volume header with one block map entry (edk2 OvmfPkg/VarStore.fdf.inc), then VARIABLE_STORE_HEADER. */
const FIRST_VARIABLE = 0x48 + 28;
const HEADER_BYTES = 60;

/** A store with more variables behind those that it has (edk2 MdeModulePkg AUTHENTICATED_VARIABLE_HEADER). */
export function withVariables(store: Uint8Array, variables: readonly StoredVariable[]): Uint8Array {
  const bytes = Buffer.from(store);
  let at = endOfVariables(bytes);
  for (const { guid, name, attributes, data } of variables) {
    const text = Buffer.from(`${name}\0`, 'utf16le');
    bytes.fill(0, at, at + HEADER_BYTES);
    bytes.writeUInt16LE(0x55aa, at);
    bytes.writeUInt8(0x3f, at + 2); // VAR_ADDED
    bytes.writeUInt32LE(attributes, at + 4);
    bytes.writeUInt32LE(text.length, at + 36);
    bytes.writeUInt32LE(data.length, at + 40);
    bytes.set(parseGuid(guid), at + 44);
    bytes.set(text, at + HEADER_BYTES);
    bytes.set(data, at + HEADER_BYTES + text.length);
    at = alignUp(at + HEADER_BYTES + text.length + data.length);
  }
  return bytes;
}

function endOfVariables(bytes: Buffer): number {
  let at = FIRST_VARIABLE;
  while (bytes.readUInt16LE(at) === 0x55aa) {
    at = alignUp(at + HEADER_BYTES + bytes.readUInt32LE(at + 36) + bytes.readUInt32LE(at + 40));
  }
  return at;
}

function alignUp(value: number): number {
  return (value + 3) & ~3;
}

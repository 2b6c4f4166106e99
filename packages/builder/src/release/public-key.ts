import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { BuilderError } from '../error.ts';
import { readAtMost } from '../project.ts';
import { KEY_BYTES, publicKeyOf, rawPublicKey } from './ed25519.ts';
import { WireReader, wireString } from './wire.ts';

/** How a key is kept, and so how it signs a release. */
export type KeyFormat = 'pem' | 'minisign' | 'ssh';

/** An Ed25519 public key in one of the forms that people have. */
export interface PublicKey {
  readonly format: KeyFormat;
  /** 32 bytes. */
  readonly raw: Uint8Array;
  readonly key: KeyObject;
  /** minisign's key number, 8 bytes; of the other formats none. */
  readonly keyNumber?: Uint8Array;
}

/** A key file is a few hundred bytes. */
export const KEY_FILE_BYTES = 16 * 1024;

/** `SHA256:` and base64 of the digest of the raw key: one name for a key, whatever its file looks like. */
export function keyId({ raw }: Pick<PublicKey, 'raw'>): string {
  return `SHA256:${createHash('sha256').update(raw).digest('base64').replaceAll('=', '')}`;
}

/** Reads a public key's file. Throws `invalid-input`. */
export async function readPublicKey(file: string): Promise<PublicKey> {
  const bytes = await readAtMost(file, KEY_FILE_BYTES).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read the public key "${file}"`, { cause });
  });
  return parsePublicKey(Buffer.from(bytes).toString('utf8'), `"${file}"`);
}

/**
 * An Ed25519 public key as PEM (`-----BEGIN PUBLIC KEY-----`), minisign's file or its line alone, or OpenSSH's line.
 * `name` stands in the error. Throws `invalid-input`.
 */
export function parsePublicKey(text: string, name: string): PublicKey {
  const found = [fromPem, fromMinisign, fromSsh]
    .map((read) => attempt(() => read(text.trim())))
    .find(Boolean);
  if (found) return found;
  throw new BuilderError('invalid-input', `${name} is no Ed25519 public key`, {
    hint: /PRIVATE KEY|secret key/i.test(text)
      ? 'It is a private key: give the public one'
      : 'PEM, minisign and OpenSSH (ssh-ed25519) keys are read',
  });
}

/** The key as text in its own format: what others read it from. */
export function encodePublicKey({ format, raw, keyNumber }: PublicKey): string {
  switch (format) {
    case 'pem':
      return publicKeyOf(raw).export({ format: 'pem', type: 'spki' }).toString();
    case 'minisign': {
      const line = Buffer.concat([Buffer.from('Ed'), keyNumber ?? new Uint8Array(8), raw]).toString('base64');
      return `untrusted comment: minisign public key\n${line}\n`;
    }
    case 'ssh':
      return `ssh-ed25519 ${sshBlob(raw).toString('base64')}\n`;
  }
}

/** The public key in OpenSSH's wire format (RFC 8709 §4). */
export function sshBlob(raw: Uint8Array): Buffer {
  return Buffer.concat([wireString('ssh-ed25519'), wireString(raw)]);
}

/** The raw key in OpenSSH's wire format; undefined for another kind. */
export function rawOfSshBlob(blob: Uint8Array): Uint8Array | undefined {
  const reader = new WireReader(blob);
  if (reader.string().toString('latin1') !== 'ssh-ed25519') return undefined;
  const raw = reader.string();
  return raw.length === KEY_BYTES && reader.rest().length === 0 ? new Uint8Array(raw) : undefined;
}

function fromPem(text: string): PublicKey | undefined {
  if (!text.startsWith('-----BEGIN PUBLIC KEY-----')) return undefined;
  const key = createPublicKey(text);
  return key.asymmetricKeyType === 'ed25519' ? { format: 'pem', key, raw: rawPublicKey(key) } : undefined;
}

/** An optional comment, then base64 of `Ed`, 8 bytes of key number and the key (minisign's documentation, "Public key format"). */
function fromMinisign(text: string): PublicKey | undefined {
  const lines = text.split(/\r?\n/);
  const line = lines.length === 2 && lines[0]?.startsWith('untrusted comment:') ? lines[1] : lines[0];
  if (lines.length > 2 || !/^[A-Za-z0-9+/]{56}$/.test(line ?? '')) return undefined;
  const bytes = Buffer.from(line ?? '', 'base64');
  if (bytes.length !== 42 || bytes.toString('latin1', 0, 2) !== 'Ed') return undefined;
  const raw = new Uint8Array(bytes.subarray(10));
  return { format: 'minisign', raw, key: publicKeyOf(raw), keyNumber: new Uint8Array(bytes.subarray(2, 10)) };
}

function fromSsh(text: string): PublicKey | undefined {
  const [, base64] = /^ssh-ed25519 ([A-Za-z0-9+/=]+)(?: [^\n]*)?$/.exec(text) ?? [];
  const raw = base64 === undefined ? undefined : rawOfSshBlob(Buffer.from(base64, 'base64'));
  return raw && { format: 'ssh', raw, key: publicKeyOf(raw) };
}

function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

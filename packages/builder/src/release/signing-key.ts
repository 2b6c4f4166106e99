import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { BuilderError } from '../error.ts';
import { readAtMost } from '../project.ts';
import { hasCode } from '../store/errno.ts';
import { KEY_BYTES, privateKeyOf, rawPublicKey } from './ed25519.ts';
import { encodePublicKey, KEY_FILE_BYTES, type PublicKey, rawOfSshBlob } from './public-key.ts';
import { fromArmour, WireReader } from './wire.ts';

/** An Ed25519 key that signs. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  readonly privateKey: KeyObject;
}

/** What about the key's file is dangerous; undefined where nothing is. */
export type KeyWarning = string | undefined;

/**
 * Reads an Ed25519 private key: PEM (PKCS #8), minisign's (`minisign -G -W`) or OpenSSH's, all without a passphrase.
 * Throws `invalid-input`, for encrypted keys too.
 */
export async function readSigningKey(file: string): Promise<SigningKey & { readonly warning: KeyWarning }> {
  const bytes = await readAtMost(file, KEY_FILE_BYTES).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read the key "${file}"`, {
      hint: 'Give an Ed25519 private key; "altee release --new-key FILE" makes one',
      cause,
    });
  });
  const key = parseSigningKey(Buffer.from(bytes).toString('utf8'), file);
  const { mode } = await stat(file);
  const warning =
    (mode & 0o077) === 0 ? undefined : `Others on this machine can read the key "${file}": chmod 600`;
  return { ...key, warning };
}

/** The key in the text of its file; see {@link readSigningKey}. */
export function parseSigningKey(text: string, file: string): SigningKey {
  const read = FORMATS.find(([begins]) => begins.test(text))?.[1];
  if (!read) {
    throw unusable(file, 'it is no private key in PEM, of minisign or of OpenSSH');
  }
  try {
    return read(text);
  } catch (cause) {
    throw unusable(file, cause instanceof KeyProblem ? cause.message : 'it is damaged', cause);
  }
}

/** Writes a new key to a file that only this user can read. Throws `invalid-input` where the file is there already. */
export async function makeKey(file: string): Promise<PublicKey & { readonly pem: string }> {
  const { privateKey } = generateKeyPairSync('ed25519');
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(privateKey.export({ format: 'pem', type: 'pkcs8' }));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const why = hasCode(cause, 'EEXIST') ? 'there is such a file already' : 'it cannot be written';
    throw new BuilderError('invalid-input', `Cannot make the key "${file}": ${why}`, {
      hint: 'Give another file: a key is never overwritten',
      cause,
    });
  }
  const { publicKey } = pair(privateKey);
  return { ...publicKey, pem: encodePublicKey(publicKey) };
}

class KeyProblem extends Error {}

const FORMATS: readonly (readonly [begins: RegExp, read: (text: string) => SigningKey])[] = [
  [/^-----BEGIN OPENSSH PRIVATE KEY-----/, fromOpenSsh],
  [/^-----BEGIN /, fromPem],
  [/^untrusted comment:/, fromMinisign],
];

function fromPem(text: string): SigningKey {
  if (/ENCRYPTED/.test(text)) throw new KeyProblem('it has a passphrase, which altee does not ask for');
  const privateKey = createPrivateKey(text);
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new KeyProblem(`it is a key for ${privateKey.asymmetricKeyType}, not Ed25519`);
  }
  return pair(privateKey);
}

/**
 * minisign's documentation, "Secret key format": algorithm, key derivation and checksum (2 bytes each), salt (32), limits
 * (8 + 8), then key number (8), seed and public key (32 + 32), checksum (32).
 */
function fromMinisign(text: string): SigningKey {
  const [, line = ''] = text.split(/\r?\n/);
  const bytes = Buffer.from(line, 'base64');
  if (bytes.length !== 158 || bytes.toString('latin1', 0, 2) !== 'Ed') throw new KeyProblem('it is damaged');
  if (bytes.readUInt16BE(2) !== 0)
    throw new KeyProblem('it has a passphrase ("minisign -C -W" takes it off), which altee does not ask for');
  const privateKey = privateKeyOf(bytes.subarray(62, 62 + KEY_BYTES));
  const { publicKey } = pair(privateKey);
  if (!bytes.subarray(94, 126).equals(publicKey.raw))
    throw new KeyProblem('its halves do not belong together');
  const keyNumber = new Uint8Array(bytes.subarray(54, 62));
  return { privateKey, publicKey: { ...publicKey, format: 'minisign', keyNumber } };
}

/** OpenSSH's PROTOCOL.key: magic, cipher, key derivation and its options, number of keys, public key, private section. */
function fromOpenSsh(text: string): SigningKey {
  const armoured = fromArmour(text, 'OPENSSH PRIVATE KEY');
  const reader = new WireReader(armoured ?? new Uint8Array());
  if (reader.take(15).toString('latin1') !== 'openssh-key-v1\0') throw new KeyProblem('it is damaged');
  const [cipher, derivation] = [reader.string().toString('latin1'), reader.string().toString('latin1')];
  if (cipher !== 'none' || derivation !== 'none')
    throw new KeyProblem('it has a passphrase ("ssh-keygen -p" takes it off), which altee does not ask for');
  reader.string();
  if (reader.uint32() !== 1) throw new KeyProblem('it holds more than one key');
  const raw = rawOfSshBlob(reader.string());
  if (!raw) throw new KeyProblem('it is of another kind than ssh-ed25519');
  const section = new WireReader(reader.string());
  const [check, checkAgain] = [section.uint32(), section.uint32()];
  if (check !== checkAgain) throw new KeyProblem('it is damaged');
  section.string();
  section.string();
  const privateKey = privateKeyOf(section.string().subarray(0, KEY_BYTES));
  const { publicKey } = pair(privateKey);
  if (!Buffer.from(raw).equals(publicKey.raw)) throw new KeyProblem('its halves do not belong together');
  return { privateKey, publicKey: { ...publicKey, format: 'ssh' } };
}

function pair(privateKey: KeyObject): SigningKey {
  const raw = rawPublicKey(privateKey);
  return { privateKey, publicKey: { format: 'pem', raw, key: createPublicKey(privateKey) } };
}

function unusable(file: string, why: string, cause?: unknown): BuilderError {
  return new BuilderError('invalid-input', `Cannot sign with "${file}": ${why}`, {
    hint: 'Ed25519 keys without a passphrase serve; "altee release --new-key FILE" makes one',
    cause,
  });
}

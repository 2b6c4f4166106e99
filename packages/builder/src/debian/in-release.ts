import type { CleartextMessage } from 'openpgp';
import { BuilderError } from '../error.ts';
import { parseStanza } from './control.ts';
import type { ArchiveKey } from './keys/trixie.ts';

/** What a suite's signed release file must say for altee to use the suite. */
export interface SuiteIdentity {
  readonly origin: string;
  readonly label: string;
  readonly codename: string;
}

/** An index that a release file vouches for. */
export interface SignedFile {
  readonly sizeBytes: number;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
}

/** A suite's release file, its signature verified. */
export interface Release {
  readonly date: Date;
  /** Absent in a stable suite: it is valid until the next point release. */
  readonly validUntil: Date | undefined;
  /** By path below the suite's folder: `main/binary-amd64/Packages.xz`. */
  readonly files: ReadonlyMap<string, SignedFile>;
}

export interface ReleaseChecks {
  /** Where it is from, for messages: a URL. */
  readonly where: string;
  /** One valid signature of one of these is needed, and enough. */
  readonly keys: readonly ArchiveKey[];
  readonly identity: SuiteIdentity;
  readonly now: Date;
}

/** trixie's has 140 kB; bounds what is read before the signature is verified. */
export const maxInReleaseBytes = 4 << 20;

/** A mirror's or a machine's clock may be off by so much. */
const clockToleranceMs = 10 * 60_000;

/**
 * Verifies a clear-signed `InRelease` file and reads what was signed; text outside the signature is refused, as
 * apt does. Format: https://wiki.debian.org/DebianRepository/Format, "Release" files; RFC 9580 §7.
 *
 * Throws `signature-invalid` where no pinned key signed the text, and `index-invalid` where the signed text is
 * for another suite, not yet valid, no longer valid, or malformed.
 */
export async function verifyInRelease(bytes: Uint8Array, checks: ReleaseChecks): Promise<Release> {
  const signedText = await verifySignature(frameOf(bytes, checks.where), checks);
  const fields = parseStanza(signedText, checks.where);
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value !== undefined) return value;
    throw new BuilderError('index-invalid', `No field "${name}" in ${checks.where}`);
  };
  for (const name of ['origin', 'label', 'codename'] as const) {
    if (field(name) === checks.identity[name]) continue;
    throw new BuilderError(
      'index-invalid',
      `The ${name} in ${checks.where} is "${field(name)}" instead of "${checks.identity[name]}"`,
      { hint: 'The mirror answers with another suite than the one that was asked for: use another mirror' },
    );
  }
  const date = parseDate(field('date'), checks.where);
  const until = fields.get('valid-until');
  const validUntil = until === undefined ? undefined : parseDate(until, checks.where);
  checkTime(date, validUntil, checks);
  return { date, validUntil, files: parseFiles(field('sha256'), checks.where) };
}

const begin = '-----BEGIN PGP SIGNED MESSAGE-----\n';
const end = '\n-----END PGP SIGNATURE-----';

/** The file as text, if it is one clear-signed message and nothing else. */
function frameOf(bytes: Uint8Array, where: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trimEnd();
  } catch (cause) {
    throw new BuilderError('signature-invalid', `${where} is no text`, { cause });
  }
  const isOneMessage =
    text.startsWith(begin) &&
    text.endsWith(end) &&
    text.indexOf('-----BEGIN PGP SIGNED MESSAGE', 1) < 0 &&
    text.indexOf('\n-----END PGP SIGNATURE') === text.length - end.length;
  if (isOneMessage) return text;
  throw new BuilderError('signature-invalid', `${where} is not exactly one signed message`, {
    hint: 'Truncated, or something stands before or after the signed text: use another mirror',
  });
}

async function verifySignature(text: string, { where, keys, now }: ReleaseChecks): Promise<string> {
  // 0.6 MB of JavaScript that only a resolution needs.
  const { readCleartextMessage, readKey, verify } = await import('openpgp');
  const verificationKeys = await Promise.all(
    keys.map(async ({ armored, fingerprint, owner }) => {
      const key = await readKey({ armoredKey: armored });
      if (key.getFingerprint().toUpperCase() === fingerprint) return key;
      throw new BuilderError('signature-invalid', `The pinned key "${owner}" has another fingerprint`);
    }),
  );
  let message: CleartextMessage;
  try {
    message = await readCleartextMessage({ cleartextMessage: text });
  } catch (cause) {
    throw new BuilderError('signature-invalid', `Cannot read the signature of ${where}`, {
      details: [messageOf(cause)],
      cause,
    });
  }
  const date = new Date(now.getTime() + clockToleranceMs);
  const { data, signatures } = await verify({ message, verificationKeys, date });
  const failures: string[] = [];
  for (const { keyID, verified } of signatures) {
    try {
      await verified;
      return data;
    } catch (error) {
      failures.push(`Signature by key ${keyID.toHex().toUpperCase()}: ${messageOf(error)}`);
    }
  }
  throw new BuilderError('signature-invalid', `No valid signature of Debian's archive on ${where}`, {
    hint: 'If the clock of this machine is right, the mirror is not to be trusted: use another',
    details: [...failures, ...keys.map(({ owner, fingerprint }) => `Expected: ${owner}, ${fingerprint}`)],
  });
}

function checkTime(date: Date, validUntil: Date | undefined, { where, now }: ReleaseChecks): void {
  const clock = `This machine's clock says ${now.toISOString()}`;
  if (date.getTime() > now.getTime() + clockToleranceMs) {
    throw new BuilderError('index-invalid', `${where} is from the future: ${date.toISOString()}`, {
      hint: `${clock}; set it if it is wrong`,
    });
  }
  if (validUntil !== undefined && validUntil < now) {
    throw new BuilderError('index-invalid', `${where} expired on ${validUntil.toISOString()}`, {
      hint: `${clock}; if that is right, the mirror is out of date and may hold back security updates: use another`,
    });
  }
}

function parseDate(text: string, where: string): Date {
  const date = new Date(text);
  if (
    /^[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d UTC$/.test(text) &&
    !Number.isNaN(date.getTime())
  )
    return date;
  throw new BuilderError('index-invalid', `Cannot read the date "${text}" in ${where}`);
}

/** The SHA256 field: a line for each file, with its digest, its size in bytes and its path. */
function parseFiles(field: string, where: string): Map<string, SignedFile> {
  const files = new Map<string, SignedFile>();
  for (const line of field.split('\n')) {
    if (line === '') continue;
    const [, digest, size, path] = /^([0-9a-f]{64})\s+(\d{1,12})\s+(\S+)$/.exec(line) ?? [];
    if (digest === undefined || path === undefined || files.has(path)) {
      throw new BuilderError('index-invalid', `Cannot read "${line.slice(0, 120)}" in ${where}`);
    }
    files.set(path, { sha256: `sha256:${digest}`, sizeBytes: Number(size) });
  }
  return files;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

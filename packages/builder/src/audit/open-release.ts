import { createHash } from 'node:crypto';
import { copyFile, lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuilderError } from '../error.ts';
import { parseSums, SUMS_FILE } from '../image/sums.ts';
import { readAtMost } from '../project.ts';
import { RELEASE_FILES } from '../release/make-release.ts';
import { type KeyFormat, keyId, type PublicKey, parsePublicKey } from '../release/public-key.ts';
import { MAX_SIGNATURE_BYTES, SIGNATURE_FILES, signatureProblem } from '../release/signature.ts';
import { ifPresent } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { releaseUrl, UrlRelease } from './url-release.ts';

/** Bounds of what is taken from a stranger. */
export const LIMITS = {
  sumsBytes: 4 * 2 ** 20,
  files: 10_000,
  /** One file, and all together. */
  fileBytes: 5 * 2 ** 30,
  totalBytes: 12 * 2 ** 30,
} as const;

/** A release of which every byte is what its publisher signed; a copy that nobody else changes. */
export interface VerifiedRelease {
  /** The folder with the copy. */
  readonly folder: string;
  /** `sha256:` digests by name, of all files that the sums list. */
  readonly sums: ReadonlyMap<string, string>;
  /** The digest of `SHA256SUMS` itself. */
  readonly sumsSha256: string;
  readonly publisher: PublicKey;
  /** Whether the auditor gave the publisher's key; else it is the one in the release. */
  readonly publisherGiven: boolean;
  /** Files that the sums list and this copy lacks. */
  readonly missing: readonly string[];
}

/** Where the bytes of a release come from. */
export interface ReleaseSource {
  /** The whole file, if it is there and has at most `limit` bytes; throws where it has more. */
  read(name: string, limit: number): Promise<Uint8Array | undefined>;
  /** Copies a file, of at most `limit` bytes; false where there is none. Gives its digest and size. */
  copy(name: string, to: string, limit: number): Promise<{ sha256: string; size: number } | undefined>;
  /** All that is there, where that can be known. */
  list(): Promise<readonly string[] | undefined>;
}

/**
 * Copies a release from a folder or URL into the empty `folder` and verifies it: first the signature over `SHA256SUMS`, then
 * each file's digest. No other byte is looked at before. `publisherKey` is whom the auditor trusts to publish; without it the
 * key in the release serves, which proves no more than that the release is whole.
 *
 * Throws `invalid-input` for what is no release, `signature-invalid` for a signature that is missing or not the
 * publisher's, `release-tampered` for files that are not what was signed or not listed.
 */
export async function openRelease(
  location: string,
  folder: string,
  publisherKey: PublicKey | undefined,
  signal?: AbortSignal,
): Promise<VerifiedRelease> {
  const url = releaseUrl(location);
  const source: ReleaseSource = url ? new UrlRelease(url, signal) : folderRelease(location);
  const sumsBytes = await source.read(SUMS_FILE, LIMITS.sumsBytes);
  if (!sumsBytes) {
    throw new BuilderError('invalid-input', `"${location}" is no release: it has no ${SUMS_FILE}`, {
      hint: 'Give the folder or URL that "altee release" made',
    });
  }
  const publisher = publisherKey ?? (await ownKey(source, location));
  await verifySignature(source, sumsBytes, publisher, location);

  // Signed by now: from here on a wrong name is the publisher's doing.
  const sums = parseSums(Buffer.from(sumsBytes).toString('utf8'), SUMS_FILE);
  if (sums.size > LIMITS.files)
    throw tampered(location, [`${SUMS_FILE} lists more than ${LIMITS.files} files`]);
  const missing = await copyAll(source, sums, folder, location);
  await writeFile(join(folder, SUMS_FILE), sumsBytes);
  return {
    folder,
    sums,
    sumsSha256: `sha256:${createHash('sha256').update(sumsBytes).digest('hex')}`,
    publisher,
    publisherGiven: publisherKey !== undefined,
    missing,
  };
}

async function ownKey(source: ReleaseSource, location: string): Promise<PublicKey> {
  const bytes = await source.read(RELEASE_FILES.publicKey, MAX_SIGNATURE_BYTES);
  if (!bytes) {
    throw new BuilderError(
      'signature-invalid',
      `The release "${location}" has no ${RELEASE_FILES.publicKey}`,
      {
        hint: "Give the publisher's key with --publisher-key",
      },
    );
  }
  return parsePublicKey(Buffer.from(bytes).toString('utf8'), `"${RELEASE_FILES.publicKey}" of the release`);
}

async function verifySignature(
  source: ReleaseSource,
  sums: Uint8Array,
  publisher: PublicKey,
  location: string,
): Promise<void> {
  const wanted = SIGNATURE_FILES[publisher.format];
  const signature = await source.read(wanted, MAX_SIGNATURE_BYTES);
  const who = keyId(publisher);
  if (!signature) {
    const others = (Object.keys(SIGNATURE_FILES) as KeyFormat[]).filter((one) => one !== publisher.format);
    throw new BuilderError('signature-invalid', `The release "${location}" has no signature "${wanted}"`, {
      details: [`publisher's key: ${who} (${publisher.format})`],
      hint: `Keys of the formats ${others.join(' and ')} sign in another file: is this the publisher's key?`,
    });
  }
  const problem = signatureProblem(sums, signature, publisher);
  if (problem === undefined) return;
  throw new BuilderError('signature-invalid', `The signature "${wanted}" does not hold: ${problem}`, {
    details: [`publisher's key: ${who}`],
    hint: 'The release was changed, or somebody else published it: do not use it',
  });
}

/** Copies every listed file, checked, and gives those that are not there. */
async function copyAll(
  source: ReleaseSource,
  sums: ReadonlyMap<string, string>,
  folder: string,
  location: string,
): Promise<string[]> {
  const seals: readonly string[] = [SUMS_FILE, ...Object.values(SIGNATURE_FILES)];
  const problems = [...sums.keys()]
    .filter((name) => seals.includes(name))
    .map((name) => `${SUMS_FILE} lists "${name}"`);
  const present = await source.list();
  const signatures = present?.filter((name) => seals.includes(name) && name !== SUMS_FILE) ?? [];
  if (signatures.length > 1) problems.push(`more than one signature: ${signatures.join(', ')}`);
  for (const name of present ?? []) {
    if (!sums.has(name) && !seals.includes(name)) problems.push(`"${name}" is not listed in ${SUMS_FILE}`);
  }
  if (problems.length > 0) throw tampered(location, problems);

  const missing: string[] = [];
  let total = 0;
  for (const [name, sha256] of sums) {
    const to = join(folder, name);
    await mkdir(dirname(to), { recursive: true });
    const copied = await source.copy(name, to, Math.min(LIMITS.fileBytes, LIMITS.totalBytes - total));
    if (!copied) missing.push(name);
    else if (copied.sha256 !== sha256) problems.push(`"${name}" is ${copied.sha256}, signed is ${sha256}`);
    total += copied?.size ?? 0;
  }
  if (problems.length > 0) throw tampered(location, problems);
  return missing;
}

function folderRelease(folder: string): ReleaseSource {
  return {
    async read(name, limit) {
      const file = await plainFile(folder, name);
      if (file === undefined) return undefined;
      const bytes = await readAtMost(file, limit + 1);
      if (bytes.length > limit) throw tampered(folder, [`"${name}" has more than ${limit} bytes`]);
      return bytes;
    },
    async copy(name, to, limit) {
      const file = await plainFile(folder, name);
      if (file === undefined) return undefined;
      if ((await lstat(file)).size > limit)
        throw tampered(folder, [`"${name}" has more than ${limit} bytes`]);
      await copyFile(file, to);
      return await hashFile(to);
    },
    list: () => filesOf(folder),
  };
}

/** The path of a regular file; links are refused, since they could lead to what is the auditor's. */
async function plainFile(folder: string, name: string): Promise<string | undefined> {
  const parts = name.split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    const found = await ifPresent(lstat(join(folder, ...parts.slice(0, depth)))).catch((cause: unknown) => {
      throw new BuilderError('invalid-input', `Cannot read the release "${folder}"`, { cause });
    });
    if (found === undefined) return undefined;
    const fits = depth === parts.length ? found.isFile() : found.isDirectory();
    if (!fits) throw tampered(folder, [`"${name}" is no regular file`]);
  }
  return join(folder, name);
}

async function filesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  await visit('');
  return names;

  async function visit(prefix: string): Promise<void> {
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      const name = `${prefix}${entry.name}`;
      if (entry.isDirectory()) await visit(`${name}/`);
      else names.push(name);
      if (names.length > LIMITS.files + 16)
        throw tampered(folder, [`it holds more than ${LIMITS.files} files`]);
    }
  }
}

/** The copy is not what the publisher signed. */
function tampered(location: string, problems: readonly string[]): BuilderError {
  return new BuilderError('release-tampered', `The release "${location}" is not what its publisher signed`, {
    details: problems.slice(0, 20),
    hint: 'Get it again from the publisher; if it comes out the same, do not use it',
  });
}

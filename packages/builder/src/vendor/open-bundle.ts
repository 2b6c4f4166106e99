import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Lock, LockError, parseLock } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import type { Reporter } from '../report.ts';
import { ifPresent } from '../store/errno.ts';
import { type Bundle, invalidBundle, type OpenBundle, shown } from './bundle.ts';
import { openBundleFolder } from './bundle-folder.ts';
import {
  type BundleIndex,
  type BundleMember,
  bundleIndex,
  bundleIndexOf,
  encodeBundleIndex,
  LOCK_NAME,
} from './bundle-index.ts';
import { openBundleTar } from './bundle-tar.ts';

export interface OpenBundleOptions {
  readonly reporter: Reporter;
  /** The lock that the bundle has to be of; without one it is held against the lock in it. */
  readonly lock?: Lock;
  readonly signal?: AbortSignal;
}

/**
 * Opens a bundle that `altee vendor` made, a tar or a folder, and verifies it as a whole: exactly the members that the
 * lock names, each with its size and SHA-256, and not one byte more. Nothing is written. Undefined for a folder that
 * isn't a bundle.
 *
 * Throws `bundle-invalid` for everything else; `invalid-input` where there is nothing at `path`.
 */
export async function openBundle(path: string, options: OpenBundleOptions): Promise<Bundle | undefined> {
  const found = await ifPresent(stat(path));
  if (found === undefined)
    throw new BuilderError('invalid-input', `There is no vendor folder or bundle "${path}"`);
  const opened = found.isDirectory() ? await openBundleFolder(path) : await openBundleTar(path);
  if (opened === undefined) return undefined;
  const index = parseIndex(path, opened.indexText);
  if (options.lock) checkIndex(path, index, options.lock);
  await opened.checkMembers(index.files);
  if (!options.lock) checkIndex(path, index, await ownLock(path, opened, index));
  await checkContents(path, opened, index.files, options);
  const bySha256 = new Map(index.files.map((member) => [member.sha256, member]));
  return {
    path,
    has: (sha256) => bySha256.has(sha256),
    copy: async (sha256, destination) => {
      const member = bySha256.get(sha256);
      if (member === undefined) return false;
      await pipeline(Readable.from(opened.read(member)), createWriteStream(destination));
      return true;
    },
  };
}

/** What its index claims is hashed, so it may not claim any number. */
const MOST_BYTES = 64 * 2 ** 30;

function parseIndex(path: string, text: string): BundleIndex {
  const index = readIndex(path, text);
  const names = index.files.map(({ name }) => name);
  const unsorted = names.find((name, at) => at > 0 && name <= (names[at - 1] ?? ''));
  if (unsorted !== undefined)
    throw invalidBundle(path, `its index is not sorted at ${shown(unsorted)}, or names it twice`);
  if (encodeBundleIndex(index) !== text)
    throw invalidBundle(path, 'its index is not written as altee writes it');
  const bytes = index.files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MOST_BYTES) throw invalidBundle(path, `its index claims ${bytes} bytes`);
  return index;
}

function readIndex(path: string, text: string): BundleIndex {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidBundle(path, 'its index is no JSON');
  }
  const parsed = bundleIndex.safeParse(value);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw invalidBundle(path, 'its index is malformed', { details });
}

/** More than any lock has; the parser refuses it with its own words. */
const MOST_LOCK_BYTES = 17 * 2 ** 20;

async function ownLock(path: string, opened: OpenBundle, { files }: BundleIndex): Promise<Lock> {
  const member = files.find(({ name }) => name === LOCK_NAME);
  if (member === undefined) throw invalidBundle(path, `its index names no ${shown(LOCK_NAME)}`);
  if (member.size > MOST_LOCK_BYTES)
    throw invalidBundle(path, `${shown(LOCK_NAME)} has ${member.size} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.read(member)) chunks.push(chunk);
  try {
    return parseLock(Buffer.concat(chunks).toString('utf8'), `${path}: ${LOCK_NAME}`);
  } catch (error) {
    if (!(error instanceof LockError)) throw error;
    throw invalidBundle(path, `${shown(LOCK_NAME)} in it is no lock`, {
      details: error.message.split('\n').slice(0, 5),
    });
  }
}

/** The index follows from the lock; whatever it says beyond that was put in by somebody. */
function checkIndex(path: string, index: BundleIndex, lock: Lock): void {
  const wanted = bundleIndexOf(lock);
  if (encodeBundleIndex(index) === encodeBundleIndex(wanted)) return;
  const here = new Map(index.files.map((member) => [member.name, member]));
  const there = new Map(wanted.files.map((member) => [member.name, member]));
  const details = [
    ...wanted.files.filter(({ name }) => !here.has(name)).map(({ name }) => `missing: ${name}`),
    ...index.files.filter(({ name }) => !there.has(name)).map(({ name }) => `extra: ${name}`),
    ...index.files
      .filter(
        (member) =>
          there.has(member.name) && JSON.stringify(there.get(member.name)) !== JSON.stringify(member),
      )
      .map(({ name }) => `not as the lock says: ${name}`),
  ];
  const reason =
    index.lock === wanted.lock ? 'its index is not what the lock says' : 'it is for another lock';
  throw invalidBundle(path, reason, {
    details: details.length > 8 ? [...details.slice(0, 8), `and ${details.length - 8} more`] : details,
    hint: 'Make a bundle of this lock with "altee vendor"',
  });
}

async function checkContents(
  path: string,
  opened: OpenBundle,
  members: readonly BundleMember[],
  { reporter, signal }: OpenBundleOptions,
): Promise<void> {
  const task = reporter.start('Verify the vendor bundle');
  const total = members.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const member of members) {
    signal?.throwIfAborted();
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of opened.read(member)) {
      hash.update(chunk);
      size += chunk.length;
      task.progress(done + size, total, 'bytes');
    }
    const sha256 = `sha256:${hash.digest('hex')}`;
    if (sha256 !== member.sha256 || size !== member.size) {
      throw invalidBundle(path, `${shown(member.name)} has other bytes`, {
        details: [`wanted: ${member.size} bytes, ${member.sha256}`, `is: ${size} bytes, ${sha256}`],
      });
    }
    done += size;
  }
  task.done(`${members.length} files`);
}

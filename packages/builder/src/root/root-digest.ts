import { createHash } from 'node:crypto';
import { hexOf } from '../store/entry.ts';
import { encodeListing, type ListedEntry } from './listing.ts';

/** Version of everything that makes a root's content from its packages: unpacking, merging, fix-ups. */
const ROOT_RULES = 'altee-root-v1';

/**
 * The digest of a root file system: `sha256:<hex>` of its listing in the text form of `encodeListing`. It covers
 * each path, type, mode (755, 644, 1777), content and link target, and nothing that depends on who unpacked it,
 * where or when.
 */
export function rootDigest(entries: readonly ListedEntry[]): string {
  return `sha256:${createHash('sha256').update(encodeListing(entries)).digest('hex')}`;
}

/**
 * The store's key of the root of these packages (`sha256:<hex>` of each .deb, in any order): SHA-256 in hex of
 * `ROOT_RULES` and the sorted digests, a line each. It is known before anything is unpacked.
 */
export function rootKey(packageSha256s: readonly string[]): string {
  const lines = [ROOT_RULES, ...[...new Set(packageSha256s.map(hexOf))].sort()];
  return createHash('sha256')
    .update(lines.map((line) => `${line}\n`).join(''))
    .digest('hex');
}

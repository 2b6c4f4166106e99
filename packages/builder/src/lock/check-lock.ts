import type { Lock, Manifest } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import { type LockRequest, lockRequest, requestDigest } from './request.ts';

/**
 * Checks that a lock was made for what the manifest asks for now; the image's own options (its arguments, the
 * kernel's features) are not in the lock and may change freely.
 *
 * Throws `lock-outdated` with what differs.
 */
export function checkLock(
  lock: Lock,
  manifest: Pick<Manifest, 'app' | 'kernel' | 'platforms'>,
  file: string,
): void {
  const request = lockRequest(manifest);
  if (requestDigest(request) === lock.request) return;
  const differences = describeDifferences(lock, request);
  throw new BuilderError('lock-outdated', `${file} is not for what the manifest asks for`, {
    hint: 'Run "altee lock" to resolve again, and review what moved',
    details:
      differences.length > 0
        ? differences
        : ["This altee's own lists of packages are others than those of the altee that made the lock"],
  });
}

/** The lock holds a digest of the request only; what differs is found from what was resolved. */
function describeDifferences(lock: Lock, request: LockRequest): string[] {
  const { line, source } = request.kernel;
  const roots = Object.entries(request.roots);
  return [
    ...(lock.kernel.line === line ? [] : [`kernel.line: "${line}", locked "${lock.kernel.line}"`]),
    ...(source === undefined || source.sha256 === lock.kernel.sha256
      ? []
      : [`kernel.source: ${source.sha256}, locked ${lock.kernel.sha256}`]),
    ...onlyIn(Object.keys(request.platforms), Object.keys(lock.platforms)).map(
      (name) => `platforms: no "${name}" in the lock`,
    ),
    ...onlyIn(Object.keys(lock.platforms), Object.keys(request.platforms)).map(
      (name) => `platforms: "${name}" only in the lock`,
    ),
    ...onlyIn(Object.keys(lock.roots), Object.keys(request.roots)).map(
      (name) => `root "${name}": only in the lock`,
    ),
    ...roots.flatMap(([name, { wanted }]) => {
      const locked = lock.roots[name];
      if (locked === undefined) return [`root "${name}": not in the lock`];
      return onlyIn(wanted, locked.packages).map((missing) => `root "${name}": no "${missing}" in the lock`);
    }),
  ];
}

function onlyIn(names: readonly string[], others: readonly string[]): string[] {
  return names.filter((name) => !others.includes(name));
}

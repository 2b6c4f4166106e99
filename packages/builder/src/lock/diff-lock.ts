import type { Lock } from '@altee/manifest';

/** One thing that two locks hold in different versions; `from` or `to` is absent where only one holds it. */
export interface LockChange {
  readonly what: 'package' | 'kernel' | 'stub' | 'firmware' | 'root';
  readonly name: string;
  readonly from?: string;
  readonly to?: string;
}

/**
 * What moved between two locks: packages by version (or digest, where the same version has other bytes), then
 * kernel, stub, firmware, and roots by digest. Sorted; the same content gives no change.
 */
export function diffLocks(before: Lock, after: Lock): LockChange[] {
  return [
    ...diff(
      'package',
      mapValues(before.packages, ({ version, sha256 }) => [version, sha256]),
      mapValues(after.packages, ({ version, sha256 }) => [version, sha256]),
    ),
    ...diff(
      'kernel',
      { [before.kernel.line]: [before.kernel.version, before.kernel.sha256] },
      { [after.kernel.line]: [after.kernel.version, after.kernel.sha256] },
    ),
    ...diff('stub', { [before.stub.path]: [before.stub.sha256] }, { [after.stub.path]: [after.stub.sha256] }),
    ...diff('firmware', firmware(before), firmware(after)),
    ...diff(
      'root',
      mapValues(before.roots, ({ digest }) => [digest]),
      mapValues(after.roots, ({ digest }) => [digest]),
    ),
  ];
}

/** One line for a person: `libc6 2.41-12 → 2.41-13`. */
export function describeChange({ what, name, from, to }: LockChange): string {
  const title = what === 'package' ? name : `${what} ${name}`;
  if (from === undefined) return `${title} ${shorten(to)} added`;
  if (to === undefined) return `${title} ${shorten(from)} removed`;
  return `${title} ${shorten(from)} → ${shorten(to)}`;
}

/** By name: values of which the first that differs is shown. */
type Values = Readonly<Record<string, readonly string[]>>;

function diff(what: LockChange['what'], before: Values, after: Values): LockChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): LockChange[] => {
    const [from, to] = [before[name], after[name]];
    if (from === undefined) return to?.[0] === undefined ? [] : [{ what, name, to: to[0] }];
    if (to === undefined) return from[0] === undefined ? [] : [{ what, name, from: from[0] }];
    const at = from.findIndex((value, index) => value !== to[index]);
    const [old, now] = [from[at], to[at]];
    return old === undefined || now === undefined ? [] : [{ what, name, from: old, to: now }];
  });
}

/** Platforms that share a firmware file show it once each: which of them moves is what one wants to know. */
function firmware(lock: Lock): Values {
  const files = Object.entries(lock.platforms).flatMap(
    ([
      name,
      {
        firmware: { code, vars },
      },
    ]) => [[`${name}/code`, [code.sha256]] as const, [`${name}/vars`, [vars.sha256]] as const],
  );
  return Object.fromEntries(files);
}

function mapValues<T>(record: Readonly<Record<string, T>>, values: (value: T) => readonly string[]): Values {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, values(value)]));
}

/** Digests are told apart by their first digits. */
function shorten(value: string | undefined): string {
  return (value ?? '').replace(/^(sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1…');
}

import type { Lock } from '@altee/manifest';

/** The lock's snapshot time, which stands for "when" in everything that is published: no clock is asked. */
export function snapshotDate({ debian }: Pick<Lock, 'debian'>): Date {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(debian.snapshot) ?? [];
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map(Number);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

/** As RFC 3339 wants it, in whole seconds. */
export function timestamp(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}

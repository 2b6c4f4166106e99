/** A time as Debian's snapshot archive writes it: `20261121T034700Z`. */
export function snapshotTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

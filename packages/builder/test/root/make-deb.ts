import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { PackageFile } from '../../src/root/unpack-package.ts';

/** An entry of a tar archive; hostile ones are wanted here, so nothing is checked. */
export interface TarEntry {
  readonly name: string;
  /** `typeflag` of ustar: '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' directory, '6' pipe. */
  readonly type?: string;
  readonly mode?: number;
  readonly link?: string;
  readonly content?: string | Uint8Array;
  /** The size to write in the header, where it shall not be the content's. */
  readonly size?: string;
}

/** Writes a tar archive in the ustar format, byte by byte. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1024)]);
}

function blocksOf({ name, type = '0', mode = 0o644, link = '', content = '', size }: TarEntry): Buffer[] {
  const data = Buffer.from(content as string);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0001750\0'.repeat(2), 108);
  header.write(size ?? `${data.length.toString(8).padStart(11, '0')}\0`, 124, 12, 'latin1');
  header.write('14000000000\0', 136);
  header.write(' '.repeat(8), 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
}

/** A pax header that goes before the entry that it is about. */
export function pax(fields: Readonly<Record<string, string>>): TarEntry {
  const records = Object.entries(fields).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const length = Buffer.byteLength(rest);
    // The length counts its own digits.
    const digits = String(length + String(length).length).length;
    return `${length + digits}${rest}`;
  });
  return { name: 'PaxHeaders/x', type: 'x', content: records.join('') };
}

/** The `L` (path) or `K` (link target) entry of GNU tar, which goes before the entry that it is about. */
export function gnuLong(type: 'L' | 'K', text: string): TarEntry {
  return { name: '././@LongLink', type, content: `${text}\0` };
}

/** An ar archive of these members. */
export function arOf(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts = Object.entries(members).flatMap(([name, data]) => [
    Buffer.from(`${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`),
    Buffer.from(`${String(data.length).padEnd(10)}\`\n`),
    data,
    Buffer.from(data.length % 2 === 1 ? '\n' : ''),
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

/** A Debian package with that data archive, as a file. */
export async function writeDeb(
  path: string,
  name: string,
  data: readonly TarEntry[] | Readonly<Record<string, Uint8Array>>,
): Promise<PackageFile> {
  const members = isEntries(data) ? { 'data.tar.gz': gzipSync(tarOf(data)) } : data;
  const deb = arOf({
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar.gz': gzipSync(tarOf([])),
    ...members,
  });
  await writeFile(path, deb);
  return { name, path, sha256: `sha256:${createHash('sha256').update(deb).digest('hex')}` };
}

function isEntries(data: readonly TarEntry[] | object): data is readonly TarEntry[] {
  return Array.isArray(data);
}

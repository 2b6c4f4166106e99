import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { readAr } from '../../builder/src/root/ar.ts';
import { wasmXz } from '../../builder/src/root/xz.ts';

/**
 * Debian's OVMF packages are test inputs and stand in a vendor folder, as the conformance vectors do. What is taken
 * out of them is kept in the temporary folder: a package takes two seconds to unpack.
 */
const folders = [
  ...(process.env['ALTEE_VENDOR'] ?? '').split(':').filter((folder) => folder !== ''),
  fileURLToPath(new URL('../../../../shared/vendor', import.meta.url)),
];

const packages = {
  2022.11: 'ovmf_2022.11-6+deb12u2_all.deb',
  '2022.11-deb12u1': 'ovmf_2022.11-6+deb12u1_all.deb',
  2025.02: 'ovmf_2025.02-8+deb13u1_all.deb',
  2026.08: 'ovmf-generic_2026.08+ds-2_all.deb',
  '2026.08-legacy': 'ovmf-legacy_2026.08+ds-2_all.deb',
  '2026.08-inteltdx': 'ovmf-inteltdx_2026.08+ds-2_all.deb',
} as const;
export type OvmfPackage = `${keyof typeof packages}`;

function findPackage(name: OvmfPackage): string | undefined {
  const file = packages[name];
  return folders.map((folder) => join(folder, file)).find((path) => existsSync(path));
}

/** Whether this package is there. */
export function hasOvmf(name: OvmfPackage): boolean {
  return findPackage(name) !== undefined;
}

/** False when the packages are not on this machine; the tests that need them then say so and are skipped. */
export const haveOvmf = (
  ['2022.11', '2025.02', '2026.08', '2026.08-legacy', '2026.08-inteltdx'] as const
).every(hasOvmf);
if (!haveOvmf) {
  console.warn(
    `Debian's OVMF packages are not in ${folders.join(', ')}; set ALTEE_VENDOR to test against them`,
  );
}

const files = new Map<string, Promise<Uint8Array>>();

/** A file of the package, by its name without a folder: `OVMF_CODE_4M.fd`. The same array each time. */
export function ovmfFile(name: OvmfPackage, file: string): Promise<Uint8Array> {
  const key = `${name}/${file}`;
  const found = files.get(key) ?? readOvmfFile(name, file);
  files.set(key, found);
  return found;
}

async function readOvmfFile(name: OvmfPackage, file: string): Promise<Uint8Array> {
  const kept = join(tmpdir(), 'altee-test-ovmf', packages[name]);
  if (!existsSync(kept)) await unpack(findPackage(name) ?? '', kept);
  return new Uint8Array(await readFile(join(kept, file)));
}

async function unpack(path: string, target: string): Promise<void> {
  const data = (await readAr(path)).find((member) => member.name === 'data.tar.xz');
  if (!data) throw new Error(`${path} has no data.tar.xz`);
  const tar: Buffer[] = [];
  const compressed = createReadStream(path, { start: data.offset, end: data.offset + data.size - 1 });
  await pipeline(wasmXz(compressed), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) tar.push(chunk);
  });
  // Another test file may do the same at this moment: the folder appears at once and whole.
  const part = `${target}.${randomUUID()}`;
  await mkdir(part, { recursive: true });
  for (const [name, contents] of filesOfTar(Buffer.concat(tar))) {
    if (name.endsWith('.fd')) await writeFile(join(part, name.split('/').at(-1) ?? name), contents);
  }
  await rename(part, target).catch(() => {});
}

/** Regular files of a tar archive (POSIX ustar). */
function* filesOfTar(tar: Buffer): Generator<[name: string, contents: Buffer]> {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const text = (from: number, length: number) =>
      tar.toString('latin1', at + from, at + from + length).replace(/\0.*/s, '');
    const size = Number.parseInt(text(124, 12), 8);
    if (text(156, 1) === '0') yield [text(0, 100), tar.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

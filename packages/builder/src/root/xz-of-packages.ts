import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../store/store.ts';
import { type PackageFile, unpackPackage } from './unpack-package.ts';
import { canRun, programXz, wasmXz, type XzDecoder } from './xz.ts';
import { XZ_PACKAGE_NAMES, XZ_PACKAGES } from './xz-packages.ts';

/**
 * The fastest decoder that can be had without using the host's programs: the WebAssembly one unpacks `libc6`,
 * `liblzma5` and `xz-utils`, and from then on that xz does the work. Where one of them is not among the packages
 * or can't be run here (no x86-64 machine, a store mounted noexec), WebAssembly does it all.
 */
export async function xzOfPackages(store: Store, packages: readonly PackageFile[]): Promise<XzDecoder> {
  const found = XZ_PACKAGE_NAMES.map((name) => packages.find((file) => file.name === name));
  const [libc, lzma, utils] = found;
  if (libc === undefined || lzma === undefined || utils === undefined) return wasmXz;
  const paths = await Promise.all(
    [libc, lzma, utils].map(async (file) => (await unpackPackage(store, file, wasmXz)).path),
  );
  const [libcPath = '', lzmaPath = '', utilsPath = ''] = paths;
  const program = {
    loader: join(libcPath, XZ_PACKAGES.libc6.loader),
    libraryPath: `${join(libcPath, XZ_PACKAGES.libc6.libraries)}:${join(lzmaPath, XZ_PACKAGES.liblzma5.libraries)}`,
    program: join(utilsPath, XZ_PACKAGES['xz-utils'].program),
  };
  const isThere = await access(program.loader).then(
    () => true,
    () => false,
  );
  return isThere && (await canRun(program)) ? programXz(program) : wasmXz;
}

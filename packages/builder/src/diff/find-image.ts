import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBootImage, MeasureError } from '@altee/measure';
import type { MeasuredImage } from '../platform/measured-image.ts';
import { ifPresent } from '../store/errno.ts';
import { listFolder, loadFile, type Side } from './read-side.ts';

/** The image of one side, as far as registers follow from it. */
export interface SideImage {
  /** The file that it was found in. */
  readonly file: string;
  readonly image: MeasuredImage;
}

/**
 * The image of a file or of a results folder: of a folder the one on its disk, as the disk is what boots. A reason where
 * there is none.
 */
export async function findSideImage({ kind, path }: Side): Promise<SideImage | { readonly none: string }> {
  if (kind === 'file') return readSideImage(path, undefined);
  const paths = (await listFolder(path)).filter((entry) => entry.kind === 'file').map((entry) => entry.path);
  const config = paths.includes('kernel.config')
    ? await ifPresent(readFile(join(path, 'kernel.config'), 'utf8'))
    : undefined;
  for (const ending of ['.disk', '.efi']) {
    const [file, ...more] = paths.filter((each) => each.endsWith(ending));
    if (file !== undefined && more.length === 0) return readSideImage(join(path, file), config);
    if (more.length > 0) return { none: `"${path}" holds several files that end with ${ending}` };
  }
  return { none: `"${path}" holds no image and no disk` };
}

async function readSideImage(
  file: string,
  kernelConfig: string | undefined,
): Promise<SideImage | { readonly none: string }> {
  const bytes = await loadFile(file);
  if (!bytes) return { none: `"${file}" is too large` };
  if (bytes[0] === 0x4d && bytes[1] === 0x5a)
    return { file, image: { uki: bytes, diskHead: undefined, kernelConfig } };
  try {
    const { image, sideFiles } = findBootImage(bytes);
    return { file, image: { uki: image, diskHead: bytes, sideFiles, kernelConfig } };
  } catch (error) {
    if (error instanceof MeasureError) return { none: `"${file}" holds no image: ${error.message}` };
    throw error;
  }
}

import { concatBytes } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import type { PeSection } from './image.ts';

/** More zeros than this behind a section's data are taken for a hostile header, not for an image. */
const maxZeroFill = 0x1000_0000;

/**
 * A section as it lies in memory: `VirtualSize` bytes, of which the file gives the first `data.length`
 * and the loader the `zeroFill` zeros after them.
 */
export interface LoadedSection {
  readonly data: Uint8Array;
  readonly zeroFill: number;
}

/**
 * The section's contents once loaded (edk2 BasePeCoffLib `PeCoffLoaderLoadImage`: the smaller of VirtualSize
 * and SizeOfRawData is copied, the rest of VirtualSize is zero). Throws `truncated` when the file ends before.
 */
export function loadSection(bytes: Uint8Array, section: PeSection): LoadedSection {
  const size = Math.min(section.rawSize, section.virtualSize);
  if (section.rawOffset + size > bytes.length) {
    throw new MeasureError(
      'truncated',
      `Cannot read section "${section.name}": its ${size} bytes at 0x${section.rawOffset.toString(16)} reach past the end of the file (0x${bytes.length.toString(16)})`,
      { offset: section.headerOffset },
    );
  }
  const zeroFill = section.virtualSize - size;
  if (zeroFill > maxZeroFill) {
    throw new MeasureError(
      'unsupported',
      `Cannot load section "${section.name}": it asks for ${zeroFill} zero bytes that the file doesn't hold`,
      { offset: section.headerOffset },
    );
  }
  return { data: bytes.subarray(section.rawOffset, section.rawOffset + size), zeroFill };
}

const zeroBlock = new Uint8Array(64 * 1024);

/** The loaded section as parts to be hashed one after the other; no copy is made. */
export function loadedParts(section: LoadedSection): Uint8Array[] {
  const parts = [section.data];
  for (let left = section.zeroFill; left > 0; left -= zeroBlock.length) {
    parts.push(left >= zeroBlock.length ? zeroBlock : zeroBlock.subarray(0, left));
  }
  return parts;
}

/** The loaded section in one array; the section's own view when nothing is to be filled. */
export function loadedBytes(section: LoadedSection): Uint8Array {
  return section.zeroFill === 0 ? section.data : concatBytes(loadedParts(section));
}

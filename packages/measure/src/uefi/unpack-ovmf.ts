import { MeasureError } from '../error.ts';
import { firmwareFileTypes, readFirmwareFiles } from './firmware-file.ts';
import { firmwareSectionTypes, readFirmwareSections } from './firmware-section.ts';
import { readFirmwareVolumes } from './firmware-volume.ts';
import { decompressLzmaSection } from './guided-section.ts';

/** OVMF's volumes have 13 to 16 MB; PcdOvmfDxeMemFvSize grew by 3 MB in ten years. */
const MAX_UNPACKED_BYTES = 64 * 2 ** 20;

const unpackings = new WeakMap<Uint8Array, Uint8Array>();

/**
 * The contents of FVMAIN_COMPACT in an OVMF code file: one file with one LZMA section, which holds the PEI and the DXE
 * volume. The variable store before it and the reset code after it have none. It takes half a second, and the answer for
 * the same array is kept.
 *
 * Throws `not-found` where there is no such volume, and as the readers of volumes, files, sections and LZMA do.
 */
export function unpackOvmf(code: Uint8Array): Uint8Array {
  const unpacked = unpackings.get(code) ?? unpack(code);
  unpackings.set(code, unpacked);
  return unpacked;
}

/** Takes what `unpackOvmf` gave for the same bytes at another time, so that this array need not be unpacked. */
export function adoptUnpackedOvmf(code: Uint8Array, unpacked: Uint8Array): void {
  unpackings.set(code, unpacked);
}

function unpack(code: Uint8Array): Uint8Array {
  for (const volume of readFirmwareVolumes(code)) {
    if (volume.name === undefined) continue;
    for (const file of readFirmwareFiles(volume)) {
      if (file.type !== firmwareFileTypes.firmwareVolumeImage) continue;
      const base = volume.offset + file.contentsOffset;
      for (const section of readFirmwareSections(file.contents, base)) {
        if (section.type !== firmwareSectionTypes.guidDefined) continue;
        const unpacked = decompressLzmaSection(section, MAX_UNPACKED_BYTES);
        if (unpacked) return unpacked;
      }
    }
  }
  throw new MeasureError(
    'not-found',
    'The file has no firmware volume with an LZMA section: it is no OVMF code',
  );
}

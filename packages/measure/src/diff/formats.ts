import { compressedFormats } from './formats/compressed.ts';
import { cpioFormat } from './formats/cpio.ts';
import { diskFormat } from './formats/disk.ts';
import { elfFormat } from './formats/elf.ts';
import { eventLogFormat } from './formats/event-log.ts';
import { fatFormat } from './formats/fat.ts';
import { jsonFormat } from './formats/json.ts';
import { kernelFormat } from './formats/kernel.ts';
import { kernelConfigFormat } from './formats/kernel-config.ts';
import { peFormat } from './formats/pe.ts';
import { tarFormat } from './formats/tar.ts';
import type { Format } from './parts.ts';

/** Every format that is taken apart; the first that recognises the bytes. A new one adds a row. */
const formats: readonly Format[] = [
  diskFormat,
  kernelFormat,
  peFormat,
  fatFormat,
  elfFormat,
  cpioFormat,
  ...compressedFormats,
  tarFormat,
  eventLogFormat,
  kernelConfigFormat,
  jsonFormat,
];

/** The format of a part's bytes, or `undefined` where they are text or nothing that is known. */
export function formatOf(bytes: Uint8Array, name: string): Format | undefined {
  return formats.find((format) => format.recognises(bytes, name));
}

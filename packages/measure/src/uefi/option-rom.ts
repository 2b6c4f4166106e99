import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { decompressUefi } from './decompress.ts';

/** Code types of an image in an option ROM (PCI Firmware Specification 3.3, 5.1.2). */
const efiImage = 3;
/** Image header of a ROM, and of one with an EFI driver (UEFI 2.11, 14.4.2, table 14.8). */
const romSignature = 0xaa55;
const efiSignature = 0xef1;
const machineX64 = 0x8664;
const driverSubsystems: ReadonlySet<number> = new Set([11, 12]);
const block = 512;

/**
 * The drivers for x86-64 in a PCI option ROM, as firmware has them in memory: PE files, unpacked where they are
 * compressed. Throws a `MeasureError` for a ROM that is malformed, and `unsupported` for a compression of its own.
 */
export function readOptionRomDrivers(rom: Uint8Array): Uint8Array[] {
  const drivers: Uint8Array[] = [];
  for (let start = 0; start < rom.length; ) {
    const { driver, next } = readImage(rom, start);
    if (driver) drivers.push(driver);
    if (next === undefined) break;
    start = next;
  }
  return drivers;
}

function readImage(
  rom: Uint8Array,
  start: number,
): { driver: Uint8Array | undefined; next: number | undefined } {
  const header = new Reader(rom.subarray(start), 'PCI expansion ROM', start);
  if (header.u16('Signature') !== romSignature)
    throw header.error('malformed', 'Signature', 'not 0xaa55', start);
  const blocks = header.u16('InitializationSize');
  const signature = header.u32('EfiSignature');
  const subsystem = header.u16('EfiSubsystem');
  const machine = header.u16('EfiMachineType');
  const compression = header.u16('CompressionType');
  header.skip(8, 'Reserved');
  const driverOffset = header.u16('EfiImageHeaderOffset');
  const pcir = new Reader(rom.subarray(start + header.u16('PcirOffset')), 'PCIR', start);
  if (pcir.u32('Signature') !== 0x52494350) throw pcir.error('malformed', 'Signature', 'not "PCIR"', start);
  pcir.skip(12, 'VendorId to ClassCode');
  const length = pcir.u16('ImageLength') * block;
  pcir.skip(2, 'CodeRevision');
  const codeType = pcir.u8('CodeType');
  const isLast = (pcir.u8('Indicator') & 0x80) !== 0;
  if (length === 0) throw pcir.error('malformed', 'ImageLength', 'no image is empty', start);
  const next = isLast ? undefined : start + length;
  if (codeType !== efiImage || signature !== efiSignature || machine !== machineX64)
    return { driver: undefined, next };
  if (!driverSubsystems.has(subsystem)) return { driver: undefined, next };

  const end = start + blocks * block;
  if (end > rom.length || driverOffset > blocks * block) {
    throw header.error('truncated', 'InitializationSize', 'the driver goes past the end of the ROM', start);
  }
  const stored = rom.subarray(start + driverOffset, end);
  if (compression === 0) return { driver: stored, next };
  if (compression === 1) return { driver: decompressUefi(stored), next };
  throw new MeasureError('unsupported', `An option ROM's driver has compression ${compression}`);
}

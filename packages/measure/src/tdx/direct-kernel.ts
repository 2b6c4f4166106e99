import { equalBytes } from '../bytes/compare.ts';
import { Reader } from '../bytes/reader.ts';
import { ascii } from '../bytes/text.ts';
import { splitQemuMemory } from './td-hob.ts';

/** What QEMU writes into a kernel's header follows from these. */
export interface DirectBootFacts {
  readonly memoryBytes: number;
  /** Bytes; 0 without one. */
  readonly initrdSize: number;
}

/** Linux Documentation/arch/x86/boot.rst: offsets in the file. */
const fields = {
  magic: 0x202,
  version: 0x206,
  typeOfLoader: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  heapEnd: 0x224,
  commandLine: 0x228,
  initrdMax: 0x22c,
  xloadFlags: 0x236,
} as const;

/** QEMU's number as a boot loader, the low half free (hw/i386/x86-common.c `x86_load_linux`). */
const qemuLoader = 0xb0;
const canUseHeap = 0x80;
const canBeLoadedAbove4G = 1 << 1;
/** Where QEMU puts the kernel's first part and the command line. */
const realModeAddress = 0x10000;
const commandLineAddress = 0x20000;
/** q35's and pc's `acpi_data_size`: ACPI tables go below the end of memory (hw/i386/pc.c). */
const acpiDataSize = 0x20000 + 0x8000;

/** Whether QEMU takes the file for a bzImage, and would patch it; a unified kernel image is none. */
export function isBzImage(kernel: Uint8Array): boolean {
  return equalBytes(kernel.subarray(fields.magic, fields.magic + 4), ascii('HdrS'));
}

/**
 * The kernel as firmware gets it from a QEMU that rewrites the setup header: boot loader, heap, command line and initrd
 * (hw/i386/x86-common.c `x86_load_linux`). Throws `malformed` when it is no bzImage, `unsupported` for a boot protocol
 * before 2.02, of which nothing modern is left.
 */
export function patchKernelHeader(kernel: Uint8Array, facts: DirectBootFacts): Uint8Array {
  const header = new Reader(kernel.subarray(0, 0x268), 'setup_header');
  if (!isBzImage(kernel)) throw header.error('malformed', 'header', 'not "HdrS"', fields.magic);
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  if (kernel.length < 0x268) throw header.error('truncated', 'header', 'the file ends in it', kernel.length);
  const protocol = view.getUint16(fields.version, true);
  if (protocol < 0x202) throw header.error('unsupported', 'version', `protocol ${protocol}`, fields.version);

  const patched = Uint8Array.from(kernel);
  const out = new DataView(patched.buffer);
  out.setUint8(fields.typeOfLoader, qemuLoader);
  out.setUint8(fields.loadFlags, view.getUint8(fields.loadFlags) | canUseHeap);
  out.setUint32(fields.heapEnd, commandLineAddress - realModeAddress - 0x200, true);
  out.setUint32(fields.commandLine, commandLineAddress, true);
  if (facts.initrdSize > 0) {
    out.setUint32(fields.ramdiskImage, initrdAddress(view, protocol, facts), true);
    out.setUint32(fields.ramdiskSize, facts.initrdSize, true);
  }
  return patched;
}

/** As high as the kernel allows, below the ACPI tables, on a page. */
function initrdAddress(
  view: DataView,
  protocol: number,
  { memoryBytes, initrdSize }: DirectBootFacts,
): number {
  const { low } = splitQemuMemory(memoryBytes);
  let highest = 0x37ff_ffff;
  if (protocol >= 0x20c && (view.getUint16(fields.xloadFlags, true) & canBeLoadedAbove4G) !== 0)
    highest = 0xffff_ffff;
  else if (protocol >= 0x203) highest = view.getUint32(fields.initrdMax, true);
  if (highest >= low - acpiDataSize) highest = low - acpiDataSize - 1;
  return ((highest - initrdSize) & ~0xfff) >>> 0;
}

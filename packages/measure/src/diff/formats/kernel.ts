import { showAscii } from '../../bytes/text.ts';
import { MeasureError } from '../../error.ts';
import { readPe } from '../../pe/image.ts';
import { readKernelVersion } from '../../uki/kernel.ts';
import type { Format, Part } from '../parts.ts';
import { type FieldTable, readFieldTable } from './field-table.ts';
import { isPe, peHeaders } from './pe.ts';

const SETUP_HEADER = 0x1f1;

/** `struct setup_header` (Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"). */
const setupTable: FieldTable = [
  ['setup_sects', 1],
  ['root_flags', 2],
  ['syssize', 4],
  ['ram_size', 2],
  ['vid_mode', 2],
  ['root_dev', 2],
  ['boot_flag', 2],
  ['jump', 2],
  ['header', 4],
  ['version', 2],
  ['realmode_swtch', 4],
  ['start_sys_seg', 2],
  ['kernel_version', 2],
  ['type_of_loader', 1],
  ['loadflags', 1],
  ['setup_move_size', 2],
  ['code32_start', 4],
  ['ramdisk_image', 4],
  ['ramdisk_size', 4],
  ['bootsect_kludge', 4],
  ['heap_end_ptr', 2],
  ['ext_loader_ver', 1],
  ['ext_loader_type', 1],
  ['cmd_line_ptr', 4],
  ['initrd_addr_max', 4],
  ['kernel_alignment', 4],
  ['relocatable_kernel', 1],
  ['min_alignment', 1],
  ['xloadflags', 2],
  ['cmdline_size', 4],
  ['hardware_subarch', 4],
  ['hardware_subarch_data', 8],
  ['payload_offset', 4],
  ['payload_length', 4],
  ['setup_data', 8],
  ['pref_address', 8],
  ['init_size', 4],
  ['handover_offset', 4],
  ['kernel_info_offset', 4],
];

/** An x86 bzImage with an EFI stub: the setup code, the loader, and the compressed kernel in it. */
export const kernelFormat: Format = {
  name: 'Linux kernel',
  recognises: (bytes) => isPe(bytes) && showAscii(bytes.subarray(0x202, 0x206)) === 'HdrS',
  split: (bytes) => {
    const headers = peHeaders(bytes, readPe(bytes));
    const setup = readFieldTable(bytes, SETUP_HEADER, 'setup_header', setupTable);
    const value = (name: string) => Number(setup.find((field) => field.name === name)?.value ?? 0);
    // "If the setup_sects field contains a value of 0, the real value is 4" (boot.rst).
    const setupBytes = ((value('setup_sects') || 4) + 1) * 512;
    const start = setupBytes + value('payload_offset');
    const end = start + value('payload_length');
    if (value('version') < 0x208 || start >= end || end > bytes.length) {
      throw new MeasureError('malformed', 'setup_header.payload_offset: the payload is not in the file', {
        offset: 0x248,
      });
    }
    return {
      format: 'Linux kernel',
      fields: [{ name: 'version text', value: versionText(bytes) }, ...setup, ...headers.fields],
      stamps: headers.stamps,
      parts: [
        // Behind "MZ", by which it was recognised: with it, it would be taken for a kernel again.
        part('setup code', bytes, 2, setupBytes),
        part('loader', bytes, setupBytes, start),
        part('compressed kernel', bytes, start, end),
        part('loader after the kernel', bytes, end, bytes.length),
      ],
    };
  },
};

function part(name: string, bytes: Uint8Array, start: number, end: number): Part {
  return { name, bytes: bytes.subarray(start, end), offset: start };
}

function versionText(bytes: Uint8Array): string {
  try {
    return readKernelVersion(bytes);
  } catch (error) {
    if (error instanceof MeasureError) return `unreadable (${error.message})`;
    throw error;
  }
}

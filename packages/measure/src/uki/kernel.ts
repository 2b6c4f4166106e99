import { Reader } from '../bytes/reader.ts';
import { showAscii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/**
 * Version text of an x86 bzImage, `6.12.107 (build@altee) #1 …` (Linux Documentation/arch/x86/boot.rst, field
 * kernel_version). Throws `truncated`, `malformed` when the bytes are no bzImage or `not-found` without a version.
 */
export function readKernelVersion(bzImage: Uint8Array): string {
  const setup = new Reader(bzImage.subarray(0x202), 'setup_header', 0x202);
  if (showAscii(setup.bytes(4, 'header')) !== 'HdrS')
    throw setup.error('malformed', 'header', 'not "HdrS"', 0x202);
  setup.skip(8, 'version to start_sys_seg');
  const pointer = setup.u16('kernel_version');
  if (pointer === 0)
    throw new MeasureError('not-found', 'The kernel image names no version', { offset: 0x20e });
  const text = showAscii(bzImage.subarray(pointer + 0x200, pointer + 0x200 + 256));
  if (!/^\d+\.\d+/.test(text)) {
    throw new MeasureError(
      'malformed',
      `setup_header.kernel_version at 0x20e: points to "${text.slice(0, 40)}"`,
      { offset: 0x20e },
    );
  }
  return text;
}

/** Major and minor number of a kernel version. */
export function kernelRelease(version: string): readonly [major: number, minor: number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major), Number(minor)];
}

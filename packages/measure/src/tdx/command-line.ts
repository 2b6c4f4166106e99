import { MeasureError } from '../error.ts';
import type { OvmfTraits } from './ovmf.ts';

/** What OVMF adds to the command line of a kernel that has an initrd. */
const argument = 'initrd=initrd';

/**
 * LoadOptions, without the NUL, as OVMF makes them of `-append` (OvmfPkg/Library/GenericQemuLoadImageLib): the argument
 * that names the initrd goes behind or before it. Empty: the kernel gets no LoadOptions, and measures none.
 * Throws `unsupported` for characters outside ASCII, of which QEMU and OVMF make bytes of their own.
 */
export function directCommandLine(
  commandLine: string,
  hasInitrd: boolean,
  form: OvmfTraits['initrdArgument'],
): string {
  if (
    Array.from(commandLine, (character) => character.codePointAt(0) ?? 0).some(
      (code) => code === 0 || code > 0x7f,
    )
  )
    throw new MeasureError('unsupported', 'The command line has characters outside ASCII');
  if (!hasInitrd) return commandLine;
  return form === 'suffix' ? `${commandLine} ${argument}` : `${argument} ${commandLine}`;
}

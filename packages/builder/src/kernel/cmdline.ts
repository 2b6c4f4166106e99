import { BuilderError } from '../error.ts';
import type { CmdlineParameter } from './fragment.ts';

/** COMMAND_LINE_SIZE of arch/x86/include/asm/setup.h, with the terminating zero. */
const commandLineSize = 2048;

/**
 * The kernel command line.
 *
 * @throws BuilderError `invalid-input` where x86 would cut it off
 */
export function encodeCmdline(parameters: readonly CmdlineParameter[]): string {
  const line = parameters.map((parameter) => parameter.text).join(' ');
  if (line.length >= commandLineSize) {
    throw new BuilderError(
      'invalid-input',
      `The kernel command line has ${line.length} characters; x86 takes ${commandLineSize - 1}`,
      { hint: 'Shorten "kernel.cmdline"' },
    );
  }
  return line;
}

/** `mitigations=auto` → `mitigations` */
export function parameterName(text: string): string {
  return text.split('=', 1)[0] ?? text;
}

import { fromUtf8, showAscii } from '../../bytes/text.ts';
import { MeasureError } from '../../error.ts';
import type { Field, Format } from '../parts.ts';

const MAX_CONFIG_BYTES = 2 ** 20;

/** A kernel's `.config`: a field for each option (Linux scripts/kconfig/confdata.c, `conf_write`). */
export const kernelConfigFormat: Format = {
  name: 'kernel configuration',
  recognises: (bytes) =>
    bytes.length <= MAX_CONFIG_BYTES &&
    showAscii(bytes.subarray(0, 60)).startsWith('#\\x0a# Automatically generated file; DO NOT EDIT.'),
  split: (bytes) => {
    const text = fromUtf8(bytes);
    if (text === undefined) throw new MeasureError('malformed', 'The kernel configuration is no UTF-8');
    return {
      format: 'kernel configuration',
      fields: text.split('\n').flatMap((line) => fieldOf(line)),
      parts: [],
      otherwise: 'the options are the same; their text differs',
    };
  },
};

function fieldOf(line: string): Field[] {
  const [, name, value] = /^(CONFIG_\w+)=(.*)$/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) return [{ name, value }];
  const [, unset] = /^# (CONFIG_\w+) is not set$/.exec(line) ?? [];
  if (unset !== undefined) return [{ name: unset, value: 'not set' }];
  const [, kernel] = /^# (Linux\/.*) Kernel Configuration$/.exec(line) ?? [];
  return kernel === undefined ? [] : [{ name: 'kernel', value: kernel }];
}

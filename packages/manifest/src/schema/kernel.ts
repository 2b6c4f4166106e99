import { z } from 'zod';
import { adviceRegistry } from './advice.ts';
import { digest, reason } from './scalars.ts';

const symbol = z
  .string()
  .max(128)
  .regex(/^(?:CONFIG_)?[A-Z0-9][A-Za-z0-9_]*$/, 'must be the name of a kernel configuration symbol')
  .register(adviceRegistry, {
    advise: (value) => {
      if (typeof value !== 'string') return undefined;
      const [, name, setting] = /^([A-Za-z0-9_]+)=(\w+)$/.exec(value) ?? [];
      if (name === undefined) return undefined;
      return setting === 'y' ? `Write ${name} under "require"` : `Write ${name} under "forbid"`;
    },
  });

/** A kernel configuration symbol, with or without `CONFIG_`; parsed to the name without it. */
const kernelSymbol = symbol.transform((name) => name.replace(/^CONFIG_/, ''));

/** One kernel parameter. The stub hands the line over as UTF-16 and quotes change how the kernel splits it: so neither. */
const kernelParameter = z
  .string()
  .max(1024)
  .regex(/^[!#-&(-~]+$/, 'must be one kernel parameter in printable ASCII, without spaces and quotes')
  .register(adviceRegistry, {
    advise: (value) =>
      typeof value === 'string' && /^[!#-&(-~ ]+$/.test(value)
        ? `Write a list: [${value.trim().split(/ +/).join(', ')}]`
        : undefined,
  });

export const kernel = z
  .strictObject({
    line: z
      .string()
      .max(64)
      .regex(/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/, 'must be the name of a kernel line, such as linux-6.12')
      .default('linux-6.12')
      .describe('The kernel line: its configuration fragments and, without "source", its latest release'),
    source: z
      .strictObject({
        url: z
          .string()
          .max(2048)
          .regex(/^https?:\/\/[!-~]+$/, 'must be an https: URL')
          .describe('Where the source archive is'),
        sha256: digest.describe('SHA-256 of the source archive'),
      })
      .optional()
      .describe('Another source archive for the line, by digest'),
    features: z
      .array(
        z
          .string()
          .max(64)
          .regex(
            /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
            'must be the name of a feature: lower-case letters, digits, hyphens',
          ),
      )
      .max(64)
      .default(['virtio', 'tpm', 'serial'])
      .describe('Configuration fragments: what the kernel can do'),
    cmdline: z
      .array(kernelParameter)
      .max(256)
      .default([])
      .describe('Kernel parameters after those that altee sets'),
    require: z
      .array(kernelSymbol)
      .max(1024)
      .default([])
      .describe('Symbols that must be y in the final configuration'),
    forbid: z
      .array(kernelSymbol)
      .max(1024)
      .default([])
      .describe('Symbols that must not be set in the final configuration'),
  })
  .prefault({})
  .describe('The kernel: built from source with nothing that is not asked for');

/** `CONFIG_NAME`, a kernel parameter or a sysctl. */
const hardeningOption = z
  .string()
  .max(128)
  .regex(
    /^(?:CONFIG_[A-Z0-9][A-Za-z0-9_]*|[a-z0-9_][a-z0-9_.-]*)$/,
    'must be CONFIG_ and a symbol, or the name of a kernel parameter or sysctl',
  )
  .register(adviceRegistry, {
    advise: (value) =>
      typeof value === 'string' && /^[A-Z0-9_]+$/.test(value) ? `Write CONFIG_${value}` : undefined,
  });

export const hardening = z
  .strictObject({
    exceptions: z
      .array(
        z.strictObject({
          option: hardeningOption.describe(
            'CONFIG_ and a symbol, or the name of a kernel parameter or sysctl',
          ),
          reason,
        }),
      )
      .max(256)
      .default([])
      .describe('Hardening options that this image does without, each with its reason'),
    initOnFree: z
      .boolean()
      .default(true)
      .describe(
        'Clear memory when it is freed. Costs time in proportion to the memory, once at boot and then at each free',
      ),
    initOnFreeReason: reason.optional(),
  })
  .prefault({})
  .describe('Every hardening option is on unless a written reason says otherwise');

export type Kernel = z.output<typeof kernel>;
export type Hardening = z.output<typeof hardening>;

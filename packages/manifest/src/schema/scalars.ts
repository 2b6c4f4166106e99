import { z } from 'zod';
import { adviceRegistry } from './advice.ts';

/** Name of a manifest, platform or input: a DNS label that starts with a letter (RFC 1123 §2.1, RFC 1035 §2.3.1). */
export const label = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, with a letter first and no hyphen last',
  )
  .register(adviceRegistry, { advise: (value) => suggestLabel(value) });

/** Version of the application; its alphabet is that of `VERSION_ID` in os-release(5). */
export const version = z
  .string()
  .max(64)
  .regex(
    /^\d+(?:\.\d+){0,3}(?:-[a-z0-9]+(?:[.-][a-z0-9]+)*)?$/,
    'must be a version such as 1.2.3 or 1.2.3-rc.1, in lower case',
  )
  .register(adviceRegistry, {
    advise: (value) =>
      typeof value === 'string' && /^v\d/.test(value) ? `Write ${value.slice(1)}` : undefined,
  });

/** `sha256:` and 64 lower-case hex digits: a bare hex digest could be a YAML number. */
export const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 lower-case hex digits')
  .register(adviceRegistry, { advise: adviseDigest });

/** A register of a TD: `sha384:` and 96 lower-case hex digits. */
export const sha384 = z
  .string()
  .regex(/^sha384:[0-9a-f]{96}$/, 'must be sha384: and 96 lower-case hex digits')
  .register(adviceRegistry, {
    advise: (value) => {
      const [, hex] = /^(?:sha-?384[:=-])?([0-9a-f]{96})$/i.exec(String(value).trim()) ?? [];
      return hex === undefined ? undefined : `Write sha384:${hex.toLowerCase()}`;
    },
  });

const unitBytes: Readonly<Record<string, number>> = {
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** A size with a binary unit, such as `512MiB`; parsed to bytes. */
export const size = z
  .string()
  .regex(/^[1-9]\d{0,8}(?:KiB|MiB|GiB|TiB)$/, 'must be a whole number with a unit: KiB, MiB, GiB or TiB')
  .register(adviceRegistry, { advise: adviseSize })
  .transform((text) => Number.parseInt(text, 10) * (unitBytes[text.slice(-3)] ?? 1));

/** A path below the manifest's folder: relative, `/` between its parts, no `..`, no control characters. */
export const projectPath = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\p{Cc}\\]+$/u, 'must be a relative path without ".." in it')
  .register(adviceRegistry, {
    advise: (value) => {
      if (typeof value !== 'string' || value === '') return undefined;
      if (value.includes('\\')) return `Separate folders with "/": ${value.replaceAll('\\', '/')}`;
      return "Keep the file inside the manifest's folder: that folder is all that a rebuild elsewhere has";
    },
  });

/** An absolute path inside the image, without `.`, `..`, empty parts or a `/` at its end. */
export const imagePath = z
  .string()
  .max(1024)
  .regex(
    /^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[^\p{Cc}/]+)+)$/u,
    'must be an absolute path without "." or ".." parts and without a "/" at its end',
  );

/** Text for an argument vector or environment: anything but NUL, which ends a string there (execve(2)). */
export const argument = z
  .string()
  .max(32_768)
  .refine((text) => !text.includes('\0'), 'must not hold a NUL character');

/** A reason that an auditor reads. */
export const reason = z
  .string()
  .max(1000)
  .regex(/\S.{4,}/s, 'must be a sentence that says why')
  .describe('Why, in a sentence that an auditor can judge');

/** TCP or UDP port. */
export const port = z.int().min(1).max(65_535);

function suggestLabel(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const suggestion = value
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return suggestion === '' ? undefined : `Write ${suggestion}`;
}

function adviseDigest(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return 'Write sha256: before the hex digits: without it they are a number in YAML';
  }
  if (typeof value !== 'string') return undefined;
  const [, hex] = /^(?:sha-?256[:=-])?([0-9a-f]{64})$/i.exec(value.trim()) ?? [];
  if (hex !== undefined) return `Write sha256:${hex.toLowerCase()}`;
  const [, digits] = /^sha256:([0-9a-f]*)$/i.exec(value) ?? [];
  return digits === undefined ? undefined : `It has ${digits.length} hex digits, 64 are needed`;
}

function adviseSize(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) {
    return `Write the unit, such as ${value}KiB or ${value}MiB`;
  }
  if (typeof value !== 'string') return undefined;
  const [, amount, unit] = /^(\d+)\s*([kmgt])i?b?$/i.exec(value.trim()) ?? [];
  if (amount === undefined || unit === undefined) return 'Write for example 512MiB or 1GiB';
  return `Write ${amount}${unit.toUpperCase()}iB`;
}

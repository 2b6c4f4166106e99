import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeasureError, type PeImage, readKernelVersion, readPe } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { hasCode } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { writeAt, writeFileAtomically } from './atomic-file.ts';
import type { UkiSection } from './uki-section.ts';

/** What an image is merged from; the files stay as they are meanwhile. */
export interface UkiParts {
  /** The systemd stub (`linuxx64.efi.stub`). */
  readonly stub: string;
  /** The kernel: a bzImage with an EFI stub of its own. */
  readonly kernel: string;
  readonly initrd: string;
  /** Text of the `.osrel` section, see `osRelease`. */
  readonly osRelease: string;
  readonly cmdline: string;
}

/** The parts of an image, looked at. */
export interface ReadParts {
  readonly stub: {
    readonly bytes: Uint8Array;
    readonly pe: PeImage;
    readonly path: string;
    readonly digest: string;
  };
  /** To be added to the stub, in this order. */
  readonly sections: readonly UkiSection[];
}

/** Linux COMMAND_LINE_SIZE of x86, with the NUL: what is longer is cut off silently. */
const MAX_CMDLINE_BYTES = 2047;

/**
 * Reads and checks the parts; the texts become files in `dir`. Throws `image-invalid` where the stub or the kernel
 * isn't one for x86-64, a file is missing, or a text is empty or can't be what Linux makes of it.
 */
export async function readParts(parts: UkiParts, dir: string): Promise<ReadParts> {
  checkTexts(parts);
  const bytes = await usable('stub', parts.stub, () => readFile(parts.stub));
  const pe = peOf('stub', parts.stub, bytes);
  const { digest } = await hashPart('stub', parts.stub);
  const sections = await sectionsOf(parts, await readVersion(parts.kernel), dir);
  return { stub: { bytes, pe, path: parts.stub, digest }, sections };
}

/** The sections in their order, with the small ones written to `dir`. */
async function sectionsOf(parts: UkiParts, kernelVersion: string, dir: string): Promise<UkiSection[]> {
  const table: readonly (readonly [name: string, content: { text: string } | { path: string }])[] = [
    ['.osrel', { text: parts.osRelease }],
    ['.uname', { text: kernelVersion }],
    ['.cmdline', { text: parts.cmdline }],
    ['.initrd', { path: parts.initrd }],
    ['.linux', { path: parts.kernel }],
  ];
  const sections: UkiSection[] = [];
  for (const [name, content] of table) {
    const path = 'path' in content ? content.path : join(dir, name.slice(1));
    if ('text' in content) await writeText(path, content.text);
    sections.push({ name, path, ...(await hashPart(name, path)) });
  }
  return sections;
}

/** Readable by the step's own user whatever the umask. */
async function writeText(path: string, text: string): Promise<void> {
  await writeFileAtomically(path, (file) => writeAt(file, Buffer.from(text, 'utf8'), 0));
}

function checkTexts({ osRelease, cmdline }: UkiParts): void {
  if (osRelease === '') throw unusable('os-release is empty');
  if (cmdline.trim() === '') {
    // Without a .cmdline section the stub takes one from outside, unmeasured by the image's own digest.
    throw unusable('the kernel command line is empty');
  }
  if (!/^[\x20-\x7e]*$/.test(cmdline))
    throw unusable('the kernel command line holds more than printable ASCII');
  if (cmdline.length > MAX_CMDLINE_BYTES) {
    throw unusable(
      `the kernel command line has ${cmdline.length} bytes, more than Linux takes (${MAX_CMDLINE_BYTES})`,
    );
  }
}

/** The kernel's version as `uname -r` shows it; the kernel must be a PE file, that is, have an EFI stub. */
async function readVersion(path: string): Promise<string> {
  const kernel = await usable('kernel', path, () => readFile(path));
  const [version = ''] = parsed('kernel', path, 'a bzImage', () => readKernelVersion(kernel)).split(' ');
  if (peOf('kernel', path, kernel).machine !== 0x8664)
    throw unusable(`the kernel "${path}" is not for x86-64`);
  return version;
}

async function hashPart(what: string, path: string): Promise<{ size: number; digest: string }> {
  const { sha256, size } = await usable(what, path, () => hashFile(path));
  return { size, digest: sha256 };
}

async function usable<T>(what: string, path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const why = hasCode(cause, 'ENOENT') ? 'there is no such file' : 'it cannot be read';
    throw unusable(`${what} "${path}": ${why}`, cause);
  }
}

function peOf(what: string, path: string, bytes: Uint8Array): PeImage {
  return parsed(what, path, 'a PE file', () => readPe(bytes));
}

function parsed<T>(what: string, path: string, wanted: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof MeasureError)) throw cause;
    throw unusable(`the ${what} "${path}" is not ${wanted}: ${cause.message}`, cause);
  }
}

/** An error about a part. */
export function unusable(why: string, cause?: unknown): BuilderError {
  return new BuilderError(
    'image-invalid',
    `Cannot assemble the EFI file: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeasureError, type PeImage, readKernelVersion, readPe } from '@altee/measure';
import { BuilderError } from '../error.ts';
import type { Root, Step, StepInput } from '../executor/executor.ts';
import { runStep } from '../executor/run-step.ts';
import { hasCode } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { type ImageContext, stepOptions } from './context.ts';
import { checkMergedUki, UKI_TIMESTAMP } from './uki-check.ts';
import { type PlacedSection, placeSections, type UkiSection } from './uki-section.ts';

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

export interface Uki {
  /** The EFI file, in the store. */
  readonly path: string;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
  readonly size: number;
}

/** Linux COMMAND_LINE_SIZE of x86, with the NUL: what is longer is cut off silently. */
const MAX_CMDLINE_BYTES = 2047;

/**
 * Merges stub, kernel, initramfs and texts into one EFI file (UAPI.5 Unified Kernel Image) and reads it back.
 * Throws `image-invalid` for parts that can't be used and for a result that firmware would refuse, that holds
 * anything variable or doesn't hold its parts; and what `runStep` throws.
 */
export async function assembleUki(context: ImageContext, parts: UkiParts): Promise<Uki> {
  checkTexts(parts);
  const stub = await readPart('stub', parts.stub);
  const stubPe = peOf('stub', parts.stub, stub);
  const kernelVersion = await readVersion(parts.kernel);

  const temporary = await context.store.tempDir();
  try {
    const sections = placeSections(stubPe, await sectionsOf(parts, kernelVersion, temporary.path));
    const stubInput = { path: parts.stub, digest: (await hashPart('stub', parts.stub)).digest };
    const step = mergeStep(context.root, stubInput, stubPe.imageBase, sections);
    const path = join(await runMerge(context, step), 'image.efi');
    checkMergedUki(await readFile(path), stub, sections);
    return { path, ...(await hashFile(path)) };
  } finally {
    await temporary.dispose();
  }
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
    const path = 'path' in content ? content.path : join(dir, inputName(name));
    if ('text' in content) await writeFile(path, content.text, { mode: 0o644 });
    sections.push({ name, path, ...(await hashPart(name, path)) });
  }
  return sections;
}

/** The step that calls objcopy; `sections` in ascending order of their addresses. */
export function mergeStep(
  root: Root,
  stub: StepInput,
  imageBase: bigint,
  sections: readonly PlacedSection[],
): Step {
  const inputs: Record<string, StepInput> = { stub };
  const lines = sections.map(({ name, path, digest, address }) => {
    inputs[inputName(name)] = { path, digest };
    const vma = `0x${(imageBase + BigInt(address)).toString(16)}`;
    return `--add-section ${name}=/src/${inputName(name)} --set-section-flags ${name}=data,readonly --change-section-vma ${name}=${vma}`;
  });
  const objcopy = ['objcopy', ...lines, '/src/stub "$OUT/image.efi"'].join(' \\\n  ');
  return {
    name: 'EFI file',
    root,
    script: `SOURCE_DATE_EPOCH=${UKI_TIMESTAMP}\nexport SOURCE_DATE_EPOCH\n${objcopy}\n`,
    env: {},
    inputs,
    limits: { seconds: 300, outputBytes: 2 ** 31, processes: 64 },
  };
}

function inputName(section: string): string {
  return section.slice(1);
}

async function runMerge(context: ImageContext, step: Step): Promise<string> {
  try {
    return await runStep(context.executor, context.store, step, stepOptions(context));
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT')) throw cause;
    throw unusable('a part of the image vanished while it was merged', cause);
  }
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
  const kernel = await readPart('kernel', path);
  const [version = ''] = parsed('kernel', path, 'a bzImage', () => readKernelVersion(kernel)).split(' ');
  if (peOf('kernel', path, kernel).machine !== 0x8664)
    throw unusable(`the kernel "${path}" is not for x86-64`);
  return version;
}

async function readPart(what: string, path: string): Promise<Uint8Array> {
  return usable(what, path, () => readFile(path));
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

function unusable(why: string, cause?: unknown): BuilderError {
  return new BuilderError(
    'image-invalid',
    `Cannot assemble the EFI file: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

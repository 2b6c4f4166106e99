import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Root, Step, StepInput } from '../executor/executor.ts';
import { runStep } from '../executor/run-step.ts';
import { hasCode } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { type ImageContext, stepOptions } from './context.ts';
import { checkMergedUki, UKI_TIMESTAMP } from './uki-check.ts';
import { readParts, type UkiParts, unusable } from './uki-parts.ts';
import { type PlacedSection, placeSections } from './uki-section.ts';

export interface Uki {
  /** The EFI file, in the store. */
  readonly path: string;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
  readonly size: number;
}

/**
 * Merges stub, kernel, initramfs and texts into one EFI file (UAPI.5 Unified Kernel Image) and reads it back.
 * Throws `image-invalid` for parts that can't be used and for a result that firmware would refuse, that holds
 * anything variable or doesn't hold its parts; and what `runStep` throws.
 */
export async function assembleUki(context: ImageContext, parts: UkiParts): Promise<Uki> {
  const temporary = await context.store.tempDir();
  try {
    const { stub, sections } = await readParts(parts, temporary.path);
    const placed = placeSections(stub.pe, sections);
    const step = mergeStep(context.root, stub, stub.pe.imageBase, placed);
    const path = join(await runMerge(context, step), 'image.efi');
    checkMergedUki(await readFile(path), stub.bytes, placed);
    return { path, ...(await hashFile(path)) };
  } finally {
    await temporary.dispose();
  }
}

/** The step that calls objcopy; `sections` in ascending order of their addresses. */
function mergeStep(root: Root, stub: StepInput, imageBase: bigint, sections: readonly PlacedSection[]): Step {
  const inputs: Record<string, StepInput> = { stub: { path: stub.path, digest: stub.digest } };
  const lines = sections.map(({ name, path, digest, address }) => {
    inputs[inputName(name)] = { path, digest };
    const vma = `0x${(imageBase + BigInt(address)).toString(16)}`;
    return `--add-section ${name}=/src/${inputName(name)} --set-section-flags ${name}=data,readonly --change-section-vma ${name}=${vma}`;
  });
  const objcopy = ['objcopy', ...lines, '/src/stub "$OUT/image.efi"'].join(' \\\n  ');
  return {
    name: 'Merge the EFI file',
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

import { concatBytes, Writer } from '../bytes/writer.ts';
import type { PeImage } from '../pe/image.ts';
import { loadedBytes, loadSection } from '../pe/section.ts';
import { encodeExtraCpio } from './cpio.ts';
import type { StubRules } from './rules.ts';
import { findUkiSection } from './sections.ts';

/** The initrd as the kernel gets it from the stub. */
export interface ServedInitrd {
  readonly bytes: Uint8Array;
  /** The sections it is made of, in order. */
  readonly sections: readonly string[];
}

/**
 * The initrd that the stub serves to the kernel: `.ucode`, `.initrd`, then an archive for each embedded file, each
 * part padded to four bytes. A single part is served as it is (systemd src/boot/stub.c `run` and
 * `combine_initrds`). `undefined` when the image has none of them.
 */
export function servedInitrd(bytes: Uint8Array, pe: PeImage, rules: StubRules): ServedInitrd | undefined {
  const parts: { section: string; contents: Uint8Array }[] = [];
  const add = (name: string, wrap: (contents: Uint8Array) => Uint8Array): void => {
    const section = findUkiSection(pe, rules, name);
    if (section) parts.push({ section: name, contents: wrap(loadedBytes(loadSection(bytes, section))) });
  };
  if (rules.microcode) add('.ucode', (contents) => contents);
  add('.initrd', (contents) => contents);
  for (const { section, file } of rules.embedded) add(section, (contents) => encodeExtraCpio(file, contents));

  const [first, ...others] = parts;
  if (!first) return undefined;
  const sections = parts.map(({ section }) => section);
  if (others.length === 0) return { bytes: first.contents, sections };
  return { bytes: concatBytes(parts.map(({ contents }) => padded(contents))), sections };
}

function padded(contents: Uint8Array): Uint8Array {
  return contents.length % 4 === 0 ? contents : new Writer().bytes(contents).align(4).finish();
}

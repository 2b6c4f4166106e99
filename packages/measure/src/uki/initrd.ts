import type { PeImage } from '../pe/image.ts';
import { loadedBytes, loadSection } from '../pe/section.ts';
import type { Addon } from './addons.ts';
import { encodeExtraCpio } from './cpio.ts';
import type { StubRules } from './rules.ts';
import { findUkiSection } from './sections.ts';
import type { SidecarArchive } from './sidecars.ts';

/** The initrd as the kernel gets it from the stub. */
export interface ServedInitrd {
  /** Its bytes, one part after the other. */
  readonly parts: readonly Uint8Array[];
  readonly length: number;
  /** What it is made of, in order: section names, names of archives, files. */
  readonly sections: readonly string[];
}

/** What lies beside the image and goes into its initrd. */
export interface InitrdInputs {
  readonly archives: readonly SidecarArchive[];
  readonly addons: readonly Addon[];
}

/**
 * The initrd that the stub serves to the kernel: microcode of addons (the last first) and of the image, `.initrd`,
 * archives of credentials and extensions, an archive for each embedded file, initrds of addons; each part padded
 * to four bytes. A single part is served as it is (systemd src/boot/stub.c `run`, `combine_initrds`). `undefined`
 * when there is nothing of it all.
 */
export function servedInitrd(
  bytes: Uint8Array,
  pe: PeImage,
  rules: StubRules,
  { archives, addons }: InitrdInputs = { archives: [], addons: [] },
): ServedInitrd | undefined {
  const embedded = (name: string, wrap = (contents: Uint8Array) => contents): InitrdPart[] => {
    const section = findUkiSection(pe, rules, name);
    return section ? [{ name, contents: wrap(loadedBytes(loadSection(bytes, section))) }] : [];
  };
  const parts: InitrdPart[] = [
    ...addonMicrocode(addons),
    ...(rules.microcode ? embedded('.ucode') : []),
    ...embedded('.initrd'),
    ...archives.map((archive) => ({ name: archive.sidecar.name, contents: archive.bytes })),
    ...rules.embedded.flatMap(({ section, file }) =>
      embedded(section, (contents) => encodeExtraCpio(file, contents)),
    ),
    ...addonInitrds(addons),
  ];
  const [first, ...others] = parts;
  if (!first) return undefined;
  const sections = parts.map(({ name }) => name);
  const served = others.length === 0 ? [first.contents] : parts.flatMap(({ contents }) => padded(contents));
  return { parts: served, length: served.reduce((sum, part) => sum + part.length, 0), sections };
}

/** A part of an initrd, and what to call it. */
export interface InitrdPart {
  readonly name: string;
  readonly contents: Uint8Array;
}

/** Microcode that addons bring; the kernel takes the first it finds, so that the last addon comes first. */
export function addonMicrocode(addons: readonly Addon[]): InitrdPart[] {
  return addons
    .flatMap(({ name, microcode }) => (microcode ? [{ name, contents: microcode }] : []))
    .toReversed();
}

/** Initrds that addons bring. */
export function addonInitrds(addons: readonly Addon[]): InitrdPart[] {
  return addons.flatMap(({ name, initrd }) => (initrd ? [{ name, contents: initrd }] : []));
}

/** The contents and what fills them up to four bytes; the contents themselves are not copied. */
function padded(contents: Uint8Array): Uint8Array[] {
  const rest = contents.length % 4;
  return rest === 0 ? [contents] : [contents, new Uint8Array(4 - rest)];
}

import { showAscii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import type { PeImage } from '../pe/image.ts';
import { loadSection } from '../pe/section.ts';

/** The systemd stub that an image was made from, as its `.sdmagic` section tells it. */
export interface StubVersion {
  /** Major version: 257. */
  readonly major: number;
  /** What the section says after `systemd-stub `: `257.13-1~deb13u1`. */
  readonly text: string;
}

/** `#### LoaderInfo: systemd-stub 257.13-1~deb13u1 ####` (systemd src/boot/stub.c, `DECLARE_NOALLOC_SECTION(".sdmagic", …)`). */
const magic = /^#### LoaderInfo: systemd-stub ((\d{3,4})\S*) ####$/;

/**
 * The version of the systemd stub in a unified kernel image, read from `.sdmagic`.
 * Throws `not-found` without that section, and `unsupported` when it says something else.
 */
export function readStubVersion(bytes: Uint8Array, pe: PeImage): StubVersion {
  const section = pe.sections.find(({ name }) => name === '.sdmagic');
  if (section === undefined) {
    throw new MeasureError('not-found', 'The image has no section ".sdmagic", so that its stub is unknown');
  }
  const said = showAscii(loadSection(bytes, section).data.subarray(0, 256));
  const match = magic.exec(said);
  const [, text, major] = match ?? [];
  if (text === undefined || major === undefined) {
    throw new MeasureError(
      'unsupported',
      `Section ".sdmagic" doesn't name a systemd-stub: "${said.slice(0, 80)}"`,
      {
        offset: section.rawOffset,
      },
    );
  }
  return { major: Number(major), text };
}

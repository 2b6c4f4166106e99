import type { PeImage, PeSection } from '../pe/image.ts';
import type { StubRules } from './rules.ts';

/**
 * The section that the stub takes for a name when it boots the default profile, or `undefined`. Empty sections count
 * as absent (systemd src/boot/pe.c `pe_locate_profile_sections`, before 257 `locate_sections`).
 */
export function findUkiSection(pe: PeImage, rules: StubRules, name: string): PeSection | undefined {
  if (rules.lookup === 'last-by-prefix') {
    return used(pe.sections.findLast((section) => section.name.startsWith(name)));
  }
  const { base, profile } = splitProfiles(pe);
  const own = used(profile.find((section) => section.name === name));
  return own ?? used(base.find((section) => section.name === name));
}

/** Base sections stand before the first ".profile"; profile 0 reaches from there to the next one (UAPI.5). */
function splitProfiles(pe: PeImage): { base: readonly PeSection[]; profile: readonly PeSection[] } {
  const start = pe.sections.findIndex(({ name }) => name === '.profile');
  if (start < 0) return { base: pe.sections, profile: [] };
  const next = pe.sections.findIndex(({ name }, index) => index > start && name === '.profile');
  return {
    base: pe.sections.slice(0, start),
    profile: pe.sections.slice(start, next < 0 ? undefined : next),
  };
}

function used(section: PeSection | undefined): PeSection | undefined {
  return section && section.virtualSize > 0 ? section : undefined;
}

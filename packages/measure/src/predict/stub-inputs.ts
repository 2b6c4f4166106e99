import { MeasureError } from '../error.ts';
import { loadedBytes, loadSection } from '../pe/section.ts';
import { type Authority, appraiseImage } from '../secure-boot/appraise.ts';
import { type Addon, findAddons } from '../uki/addons.ts';
import { type StubCommandLine, stubCommandLine } from '../uki/command-line.ts';
import type { KnownStub } from '../uki/rules.ts';
import { findUkiSection } from '../uki/sections.ts';
import { listSideFiles, type SideFiles } from '../uki/side-files.ts';
import { type SidecarArchive, sidecarArchives } from '../uki/sidecars.ts';
import type { PredictionContext } from './context.ts';

/** What an image's stub makes of all that lies in the image, beside it, and is passed to it. */
export interface StubInputs {
  readonly addons: readonly LoadedAddon[];
  readonly archives: readonly SidecarArchive[];
  readonly commandLine: StubCommandLine;
}

/** An addon that firmware loads, and the entry of db that vouches for it where Secure Boot is on. */
export type LoadedAddon = Addon & { readonly authority: Authority | undefined };

const defaultImagePath = '\\EFI\\BOOT\\BOOTX64.EFI';

/** Throws a `MeasureError` where there are no rules for what the stub will find. */
export function stubInputs(context: PredictionContext, rules: KnownStub): StubInputs {
  const { machine, uki, pe } = context;
  const { sideFiles = {}, imagePath = defaultImagePath } = machine;
  if (rules.bootSecret && hasRandomSeed(context, sideFiles)) {
    throw new MeasureError(
      'unsupported',
      'The EFI system partition holds a random seed, of which this stub makes a secret that it puts into the initrd',
    );
  }
  const contents = (name: string): Uint8Array | undefined => {
    const section = findUkiSection(pe, rules, name);
    return section && loadedBytes(loadSection(uki, section));
  };
  const addons = findAddons(sideFiles, imagePath, rules, contents('.uname')).flatMap((addon) =>
    withAuthority(context, addon),
  );
  const commandLine = stubCommandLine(
    {
      section: contents('.cmdline'),
      loadOptions: machine.loadOptions ?? '',
      addons,
      smbios: machine.smbiosCommandLine ?? '',
      secureBoot: machine.secureBoot === 'on',
      consoles: machine.consoles ?? machine.qemu?.consoles,
    },
    rules,
  );
  return { addons, archives: sidecarArchives(sideFiles, imagePath, rules), commandLine };
}

/** The stub looks for it on EFI system partitions alone (systemd src/boot/random-seed.c, src/boot/boot-secret.c). */
function hasRandomSeed({ gpt }: PredictionContext, files: SideFiles): boolean {
  return (
    typeof gpt === 'object' && listSideFiles(files, 'loader').some(({ name }) => /^random-seed$/i.test(name))
  );
}

/** Nothing of an addon that firmware refuses: the stub goes on without it. */
function withAuthority({ machine, secureBoot, hasher }: PredictionContext, addon: Addon): LoadedAddon[] {
  if (machine.secureBoot === 'off') return [{ ...addon, authority: undefined }];
  if (secureBoot.kind !== 'starts' || secureBoot.authority === 'not-asked') {
    throw new MeasureError('unsupported', 'Whether the firmware loads the addons is not known');
  }
  const appraisal = appraiseImage(addon.bytes, secureBoot.variables, hasher, addon.pe);
  if (appraisal.verdict === 'unknown') {
    throw new MeasureError(
      'unsupported',
      `Whether the firmware loads addon "${addon.path}" is not known, because ${appraisal.reason}`,
    );
  }
  return appraisal.verdict === 'allowed' ? [{ ...addon, authority: appraisal.authority }] : [];
}

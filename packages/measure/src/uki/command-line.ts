import { fromUtf8 } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import type { Addon } from './addons.ts';
import { type Consoles, consoleArguments, namesConsole } from './consoles.ts';
import type { StubRules } from './rules.ts';

/** What beside `.cmdline` may add to the command line. */
export interface CommandLineInputs {
  /** Contents of `.cmdline`; absent without that section. */
  readonly section: Uint8Array | undefined;
  /** What firmware or a boot loader passes to the image. */
  readonly loadOptions: string;
  readonly addons: readonly Pick<Addon, 'commandLine' | 'scope'>[];
  /** SMBIOS type 11, `io.systemd.stub.kernel-cmdline-extra=`. */
  readonly smbios: string;
  readonly secureBoot: boolean;
  /** `undefined`: not known. */
  readonly consoles: Consoles | undefined;
}

/** A command line or a part of it that came from outside the image, as it is measured. */
export interface CommandLinePart {
  readonly text: string;
  readonly from: 'load-options' | 'addons' | 'smbios';
}

/** The kernel's command line as the stub makes it. */
export interface StubCommandLine {
  /** `undefined`: the kernel gets none at all. */
  readonly text: string | undefined;
  /** What is not from the image, in the order in which it is measured. */
  readonly parts: readonly CommandLinePart[];
  /** Whether the image's own command line is in it. */
  readonly own: boolean;
  /** The consoles that are appended, unmeasured by themselves; `undefined` where they would have to be known. */
  readonly consoles: readonly string[] | undefined;
}

/**
 * The command line that the stub passes to the kernel: that of the image or, where Secure Boot allows it, the one that
 * was passed to the stub; then the addons', SMBIOS's, and consoles (systemd src/boot/stub.c `settle_command_line`,
 * `cmdline_append_and_measure_addons`, `cmdline_append_and_measure_smbios`).
 *
 * Throws `unsupported` for bytes that are not UTF-8, and for load options that choose a profile or hold control
 * characters, as what the stub makes of them differs by version.
 */
export function stubCommandLine(inputs: CommandLineInputs, rules: StubRules): StubCommandLine {
  const { section, addons, smbios, secureBoot } = inputs;
  const clean = (text: string) => cleanCommandLine(text, rules.cleaning);
  const passed = secureBoot && section ? '' : clean(checkLoadOptions(inputs.loadOptions));
  const own = section ? clean(stubText(section, 'Section ".cmdline"')) : '';
  const parts: CommandLinePart[] = [];
  const add = (from: CommandLinePart['from'], text: string): void => {
    if (text !== '') parts.push({ from, text });
  };
  add('load-options', passed);
  for (const text of addonTexts(addons, rules)) add('addons', text);
  if (rules.smbiosCommandLine !== 'ignored')
    add('smbios', rules.smbiosCommandLine === 'cleaned' ? clean(smbios) : smbios);

  const extras = parts.filter(({ from }) => from !== 'load-options').map(({ text }) => text);
  const all = [passed === '' ? own : passed, ...extras].filter((text) => text !== '');
  const isLeft = rules.consoles === 'none' || namesConsole(all.join(' '));
  const consoles = isLeft ? [] : inputs.consoles && consoleArguments(inputs.consoles, rules.consoles);
  all.push(...(consoles ?? []));
  const isThere = section !== undefined || all.length > 0;
  return {
    text: isThere ? all.join(' ') : undefined,
    parts,
    own: section !== undefined && passed === '',
    consoles,
  };
}

/** What is measured of the addons' command lines: one text, or one for each folder. */
function addonTexts(addons: CommandLineInputs['addons'], { addons: how, cleaning }: StubRules): string[] {
  const clean = (text: string) => cleanCommandLine(text, cleaning);
  const texts = addons.flatMap(({ commandLine, scope }) =>
    commandLine === undefined ? [] : [{ text: commandLine, scope }],
  );
  switch (how) {
    case 'ignored':
      return [];
    case 'by-folder':
      return (['global', 'own'] as const).map((wanted) =>
        clean(join(texts.filter(({ scope }) => scope === wanted).map(({ text }) => text))),
      );
    case 'together':
      return [clean(join(texts.map(({ text }) => clean(text))))];
  }
}

/** A blank goes between two, but not before the first that is not empty. */
function join(texts: readonly string[]): string {
  return texts.reduce((all, text) => (all === '' ? text : `${all} ${text}`), '');
}

function checkLoadOptions(text: string): string {
  if (text.startsWith('@'))
    throw new MeasureError('unsupported', 'The load options choose a profile, for which there are no rules');
  if (hasControlCharacters(text))
    throw new MeasureError('unsupported', 'The load options hold control characters');
  return text;
}

function hasControlCharacters(text: string): boolean {
  return Array.from(text).some((unit) => unit < ' ');
}

/** Text of a section up to its first NUL. Throws `unsupported` for bytes that are not UTF-8. */
export function stubText(bytes: Uint8Array, what: string): string {
  const end = bytes.indexOf(0);
  const text = fromUtf8(end < 0 ? bytes : bytes.subarray(0, end));
  if (text === undefined) throw new MeasureError('unsupported', `${what} is not UTF-8`);
  return text;
}

/** The stub's clean-up of a command line (systemd src/boot/util.c `mangle_stub_cmdline`). */
function cleanCommandLine(text: string, cleaning: StubRules['cleaning']): string {
  const isBlank = (unit: string) => unit <= ' ' || (cleaning === 'both-ends' && unit === '\x7f');
  const blanked = Array.from(text, (unit) => (isBlank(unit) ? ' ' : unit)).join('');
  return cleaning === 'both-ends' ? blanked.replace(/^ +| +$/g, '') : blanked.replace(/ +$/, '');
}

import { BuilderError } from '../error.ts';

/** One `CONFIG_X=value` that somebody asked for, with why and where. */
export interface ConfigOption {
  /** Without the prefix `CONFIG_`. */
  readonly symbol: string;
  /** `y`, `n`, a number, or a string in double quotes: as it stands in a `.config`. */
  readonly value: string;
  readonly reason: string;
  /** Where it was asked for: `file:line`, or a key of the manifest. */
  readonly origin: string;
}

/** One parameter of the kernel command line. */
export interface CmdlineParameter {
  readonly text: string;
  readonly reason: string;
  readonly origin: string;
}

/** A configuration fragment: what one aspect of an image asks of the kernel. */
export interface Fragment {
  /** The file's name without its extension, such as `virtio+network`. */
  readonly name: string;
  readonly options: readonly ConfigOption[];
  readonly cmdline: readonly CmdlineParameter[];
  /** Names of fragments that come with this one. */
  readonly includes: readonly { readonly name: string; readonly origin: string }[];
}

const optionLine = /^CONFIG_([A-Za-z0-9_]+)=("(?:[^"\\]|\\.)*"|[^\s#"]+)\s+#\s*(\S.*)$/;
const optionStart = /^CONFIG_[A-Za-z0-9_]+=/;
const unsetLine = /^# CONFIG_\w+ is not set/;
const cmdlineLine = /^cmdline\s+([^\s#]+)\s+#\s*(\S.*)$/;
const includeLine = /^include\s+([a-z0-9][a-z0-9+-]*)$/;
const optionValue = /^(?:y|n|-?[0-9]+|0x[0-9a-fA-F]+|".*")$/;

/** What is wrong with a line that is none of the known forms. */
function complaint(line: string): string {
  if (unsetLine.test(line)) return 'write "CONFIG_X=n  # reason" instead';
  if (/^CONFIG_\w+=m\b/.test(line)) return 'altee kernels have no modules: write "y" or "n"';
  if (optionStart.test(line) && !line.includes('#')) return 'the reason is missing: "CONFIG_X=y  # reason"';
  if (/^cmdline\s/.test(line)) return 'expected one parameter and its reason: "cmdline name=value  # reason"';
  return 'expected "CONFIG_X=value  # reason", "cmdline name=value  # reason" or "include name"';
}

/**
 * Parses a fragment. Its lines are `CONFIG_X=value  # reason`, `cmdline parameter  # reason`,
 * `include name`, comments and blank lines; every option carries its reason.
 *
 * @param file how the file is named in messages, such as `kernels/linux-6.12/base.config`
 * @throws BuilderError `kernel-config` that lists each bad line
 */
export function parseFragment(text: string, file: string): Fragment {
  const options: ConfigOption[] = [];
  const cmdline: CmdlineParameter[] = [];
  const includes: { name: string; origin: string }[] = [];
  const problems: string[] = [];
  const firstLine = new Map<string, number>();

  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const origin = `${file}:${index + 1}`;
    const refuse = (what: string): number => problems.push(`${origin}: "${line.slice(0, 80)}": ${what}`);
    const option = optionLine.exec(line);
    const parameter = cmdlineLine.exec(line);
    const include = includeLine.exec(line);
    if (option) {
      const [, symbol = '', value = '', reason = ''] = option;
      const first = firstLine.get(symbol);
      if (first !== undefined) refuse(`CONFIG_${symbol} stands in line ${first} already`);
      else if (!optionValue.test(value)) refuse(complaint(line));
      else options.push({ symbol, value, reason, origin });
      firstLine.set(symbol, first ?? index + 1);
    } else if (parameter) {
      cmdline.push({ text: parameter[1] ?? '', reason: parameter[2] ?? '', origin });
    } else if (include) {
      includes.push({ name: include[1] ?? '', origin });
    } else if (line !== '' && (!line.startsWith('#') || unsetLine.test(line))) {
      refuse(complaint(line));
    }
  }
  if (problems.length > 0) {
    throw new BuilderError('kernel-config', `Cannot parse the kernel fragment "${file}"`, {
      details: problems,
      hint: 'Each option stands on a line of its own with its reason: CONFIG_X=y  # reason',
    });
  }
  const name = (file.split('/').at(-1) ?? file).replace(/\.config$/, '');
  return { name, options, cmdline, includes };
}

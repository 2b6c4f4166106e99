import type { ConfigOption, Fragment } from './fragment.ts';
import type { KernelLine } from './kernel-line.ts';
import { isHardening } from './select-fragments.ts';

/** What a manifest says about configuration options. Symbols come without `CONFIG_`. */
export interface OptionWishes {
  readonly require: readonly string[];
  readonly forbid: readonly string[];
  readonly exceptions: readonly { readonly option: string; readonly reason: string }[];
  readonly hardening: boolean;
}

export interface MergedOptions {
  /** By symbol, in order of the fragments. */
  readonly options: Map<string, ConfigOption>;
  /** Must not be set, by symbol; the value of each is `n`. */
  readonly forbidden: Map<string, ConfigOption>;
}

/**
 * Merges the options of the fragments, the line's forbidden and unsupported ones, and the manifest's wishes.
 *
 * @param problems one line for each conflict is added here; it names both places
 */
export function mergeOptions(
  line: KernelLine,
  fragments: readonly Fragment[],
  wishes: OptionWishes,
  problems: string[],
): MergedOptions {
  const options = new Map<string, ConfigOption>();
  for (const option of fragments.flatMap((fragment) => fragment.options)) {
    const earlier = options.get(option.symbol);
    if (!earlier) options.set(option.symbol, option);
    else if (earlier.value !== option.value) problems.push(conflict(option, earlier));
  }
  const unsupported = bySymbol(line.unsupported.options);
  const forbidden = bySymbol(wishes.hardening ? line.forbidden.options : []);
  for (const option of [...unsupported.values(), ...forbidden.values()]) {
    const asked = options.get(option.symbol);
    if (asked && asked.value !== 'n') problems.push(conflict(asked, option));
  }
  const hardening = new Set(
    fragments.filter(isHardening).flatMap((fragment) => fragment.options.map((option) => option.symbol)),
  );
  for (const { option, reason } of wishes.exceptions) {
    const symbol = option.replace(/^CONFIG_/, '');
    const flipped = { symbol, reason, origin: 'manifest: hardening.exceptions' };
    const asked = hardening.has(symbol) ? options.get(symbol) : undefined;
    const never = unsupported.get(symbol);
    if (symbol === option) continue;
    if (never) {
      problems.push(`${option} (${flipped.origin}) can't be had: ${never.origin}: ${never.reason}`);
    } else if (forbidden.delete(symbol)) {
      options.set(symbol, { ...flipped, value: 'y' });
    } else if (asked?.value === 'y' || asked?.value === 'n') {
      options.set(symbol, { ...flipped, value: asked.value === 'y' ? 'n' : 'y' });
    } else if (asked) {
      problems.push(
        `${option} (${flipped.origin}) is ${asked.value} (${asked.origin}): only y and n can be flipped`,
      );
    } else {
      problems.push(
        `${option} (${flipped.origin}) is no hardening option of this image: use "kernel.require" or "kernel.forbid"`,
      );
    }
  }
  for (const symbol of wishes.require) {
    const wanted = { symbol, value: 'y', reason: 'wanted in this image', origin: 'manifest: kernel.require' };
    const against = unsupported.get(symbol) ?? forbidden.get(symbol) ?? options.get(symbol);
    if (!against) options.set(symbol, wanted);
    else if (against.value !== 'y') problems.push(conflict(wanted, against));
  }
  for (const symbol of wishes.forbid) {
    const unwanted = {
      symbol,
      value: 'n',
      reason: 'unwanted in this image',
      origin: 'manifest: kernel.forbid',
    };
    const against = options.get(symbol);
    if (against && against.value !== 'n') problems.push(conflict(unwanted, against));
    else forbidden.set(symbol, unwanted);
  }
  for (const option of unsupported.values()) forbidden.set(option.symbol, option);
  return { options, forbidden };
}

function bySymbol(options: readonly ConfigOption[]): Map<string, ConfigOption> {
  return new Map(options.map((option) => [option.symbol, option]));
}

function conflict(one: ConfigOption, other: ConfigOption): string {
  const side = (option: ConfigOption): string => `${option.value} by ${option.origin} (${option.reason})`;
  return `CONFIG_${one.symbol} is wanted ${side(one)}, but ${side(other)}`;
}

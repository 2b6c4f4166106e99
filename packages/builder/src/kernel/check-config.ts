import { configValue, type KernelConfig } from './config.ts';
import type { ConfigOption } from './fragment.ts';
import type { MergedRequest } from './request.ts';

/** One way in which the final configuration is not what was asked for. */
export type ConfigProblem =
  /** Asked for with a value, and kbuild left it out or gave it another one. */
  | { readonly kind: 'dropped'; readonly option: ConfigOption; readonly got: string }
  /** Must not be set, and is: by a default or by another option's `select`. */
  | { readonly kind: 'forbidden'; readonly option: ConfigOption; readonly got: string }
  /** Would be a module. */
  | { readonly kind: 'module'; readonly symbol: string };

/** Compares the final configuration with the request, symbol by symbol; no problem gives an empty list. */
export function checkConfig(request: MergedRequest, config: KernelConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const option of request.options.values()) {
    const got = configValue(config, option.symbol);
    if (got === option.value) continue;
    problems.push({ kind: option.value === 'n' ? 'forbidden' : 'dropped', option, got });
  }
  for (const option of request.forbidden.values()) {
    const got = configValue(config, option.symbol);
    if (got !== 'n' && !request.options.has(option.symbol)) problems.push({ kind: 'forbidden', option, got });
  }
  for (const [symbol, value] of config) {
    if (value === 'm') problems.push({ kind: 'module', symbol });
  }
  return problems;
}

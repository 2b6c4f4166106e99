import { parameterName } from './cmdline.ts';
import type { CmdlineParameter, Fragment } from './fragment.ts';
import { isHardening } from './select-fragments.ts';

/** What a manifest says about the kernel command line. */
export interface CmdlineWishes {
  readonly cmdline: readonly string[];
  /** Names of parameters, or `CONFIG_X`, that the manifest excepts from the hardening. */
  readonly exceptions: readonly string[];
  readonly initOnFree: boolean;
}

/** Parameters that may stand more than once: each adds to the earlier ones. */
const repeatable = new Set(['console', 'earlycon']);

/**
 * Merges the parameters of the fragments with the manifest's. Those of the hardening are left out where an
 * exception names them; others of the fragments can't be replaced.
 *
 * @param forbidden parameters that undo hardening: a bare name stands for the parameter with any value
 * @param problems one line for each conflict is added here
 */
export function mergeCmdline(
  fragments: readonly Fragment[],
  forbidden: readonly CmdlineParameter[],
  wishes: CmdlineWishes,
  problems: string[],
): CmdlineParameter[] {
  const excepted = new Set(wishes.exceptions);
  const merged = new Map<string, CmdlineParameter>();
  for (const fragment of fragments) {
    for (const parameter of fragment.cmdline) {
      const name = parameterName(parameter.text);
      if (isHardening(fragment) && excepted.has(name)) continue;
      const earlier = merged.get(name);
      if (!earlier || repeatable.has(name))
        merged.set(repeatable.has(name) ? parameter.text : name, parameter);
      else if (earlier.text !== parameter.text) problems.push(conflict(parameter, earlier));
    }
  }
  const result = [...merged.values()];
  if (!wishes.initOnFree) {
    const reason = 'a pass over all RAM at boot takes long on a large machine';
    result.push({ text: 'init_on_free=0', reason, origin: 'manifest: hardening.initOnFree' });
  }
  for (const text of wishes.cmdline) {
    const parameter = { text, reason: 'asked for by the manifest', origin: 'manifest: kernel.cmdline' };
    const name = parameterName(text);
    const set = repeatable.has(name) ? undefined : merged.get(name);
    const undone = forbidden.find((one) => one.text === text || one.text === name);
    if (set && set.text !== text) problems.push(conflict(parameter, set));
    else if (undone && !excepted.has(name)) problems.push(conflict(parameter, undone));
    else if (set?.text !== text) result.push(parameter);
  }
  return result;
}

function conflict(one: CmdlineParameter, other: CmdlineParameter): string {
  return `"${one.text}" (${one.origin}) goes against "${other.text}" (${other.origin}: ${other.reason})`;
}

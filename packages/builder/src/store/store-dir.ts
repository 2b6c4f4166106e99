import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The folder of the store: `$ALTEE_CACHE`, else `$XDG_CACHE_HOME/altee`, else `~/.cache/altee`.
 * A relative `XDG_CACHE_HOME` is ignored (XDG Base Directory Specification 0.8, "Basics").
 */
export function defaultStoreDir(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['ALTEE_CACHE'];
  if (own !== undefined && own !== '') return resolve(own);
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'altee');
  return join(homedir(), '.cache', 'altee');
}

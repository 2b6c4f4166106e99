import { readFile } from 'node:fs/promises';
import { runNix } from './run-nix.ts';

/** What the machine's owner has set (nix.conf(5)), as far as it matters here. */
export interface NixSettings {
  readonly substituters: readonly string[];
  readonly buildUsersGroup: string;
}

/** It has nothing of altee's, and asking it for each step takes a while, the longer the worse the network is. */
const PUBLIC_CACHE = /^https:\/\/cache\.nixos\.org\/?(?:\?.*)?$/;

/** The command was renamed in Nix 2.20. */
const COMMANDS = [
  ['show-config', '--json'],
  ['config', 'show', '--json'],
] as const;

/** Asks Nix for its settings; those of a Nix that does not tell are the defaults. */
export async function readNixSettings(): Promise<NixSettings> {
  for (const command of COMMANDS) {
    const { code, stdout } = await runNix('nix', [
      '--extra-experimental-features',
      'nix-command',
      ...command,
    ]);
    if (code !== 0) continue;
    const settings = JSON.parse(stdout) as Record<string, { value?: unknown } | undefined>;
    const substituters = settings['substituters']?.value;
    return {
      substituters: Array.isArray(substituters) ? substituters.map(String) : [],
      buildUsersGroup: String(settings['build-users-group']?.value ?? ''),
    };
  }
  return { substituters: [], buildUsersGroup: 'nixbld' };
}

/**
 * The `--option` arguments of every Nix command. `caches`: whether steps may come from the owner's binary caches, which
 * must sign them with a key that the owner trusts.
 */
export async function nixOptions(settings: NixSettings, caches: boolean): Promise<string[]> {
  const substituters = caches ? settings.substituters.filter((url) => !PUBLIC_CACHE.test(url)) : [];
  const values: Record<string, string> = {
    sandbox: 'true',
    // Without it, Nix builds without its sandbox where that does not work, and says nothing.
    'sandbox-fallback': 'false',
    substituters: substituters.join(' '),
    'restrict-eval': 'false',
  };
  // Root without a daemon needs build users, or the word that there are none.
  const { buildUsersGroup: group } = settings;
  if (process.getuid?.() === 0 && group !== '' && !(await hasGroup(group))) values['build-users-group'] = '';
  return Object.entries(values).flatMap(([name, value]) => ['--option', name, value]);
}

async function hasGroup(name: string): Promise<boolean> {
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  return groups.split('\n').some((line) => line.startsWith(`${name}:`));
}

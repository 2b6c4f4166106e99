import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One archive that the machine's apt is configured with. */
export interface AptSource {
  /** Base URL without a trailing slash. */
  readonly uri: string;
  readonly components: readonly string[];
}

/** One-line format, sources.list(5): `deb [options] uri suite component…`. */
const oneLine = /^deb\s+(?:\[[^\]]*\]\s+)?([^\s[]\S*)\s+\S+\s+(.+)$/;

/** Parses a `sources.list` in the one-line format of sources.list(5). Lines that it does not know are left out. */
export function parseSourcesList(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = oneLine.exec(line.replace(/#.*/, '').trim());
    const [, uri, components] = match ?? [];
    if (uri === undefined || components === undefined) return [];
    return [{ uri: trimSlashes(uri), components: components.split(/\s+/) }];
  });
}

/** Parses a `*.sources` file in the deb822 format of sources.list(5); disabled and source-only stanzas are left out. */
export function parseDeb822Sources(text: string): AptSource[] {
  const live = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
  return live.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string): string[] => {
      const match = new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza);
      return (match?.[1] ?? '').split(/\s+/).filter((word) => word !== '');
    };
    if (!field('Types').includes('deb') || field('Enabled')[0]?.toLowerCase() === 'no') return [];
    const components = field('Components');
    return field('URIs').map((uri) => ({ uri: trimSlashes(uri), components }));
  });
}

/**
 * The archives in the machine's apt configuration, in apt's order; none where there is no apt.
 * A file that cannot be read is left out: other origins remain.
 */
export async function readAptSources(aptDir = '/etc/apt'): Promise<AptSource[]> {
  const parts = await readdir(join(aptDir, 'sources.list.d')).catch(() => []);
  const files = ['sources.list', ...parts.sort().map((name) => join('sources.list.d', name))];
  const found: AptSource[] = [];
  for (const file of files) {
    const parse = file.endsWith('.sources') ? parseDeb822Sources : parseSourcesList;
    if (!file.endsWith('.sources') && !file.endsWith('.list')) continue;
    const text = await readFile(join(aptDir, file), 'utf8').catch(() => '');
    found.push(...parse(text));
  }
  return found;
}

function trimSlashes(uri: string): string {
  return uri.replace(/\/+$/, '');
}

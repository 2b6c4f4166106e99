import { BuilderError } from '../error.ts';
import type { Stanza } from './control.ts';
import type { DebianArchive } from './origins.ts';
import { parseRelations, type Relation } from './relation.ts';

/** A binary package as its index describes it. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: 'amd64' | 'all';
  readonly archive: DebianArchive;
  readonly suite: string;
  /** Below the archive's root: `pool/…/name_version_architecture.deb`. */
  readonly filename: string;
  readonly sizeBytes: number;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
  /** `name` or `name (version)`; the package's own name where the index has no Source field. */
  readonly source: string;
  readonly installedKib: number;
  readonly essential: boolean;
  /** Pre-Depends and Depends: each clause needs one of its alternatives. */
  readonly needs: readonly (readonly Relation[])[];
  readonly provides: readonly Relation[];
  /** Conflicts and Breaks. */
  readonly excludes: readonly Relation[];
}

/** No `..`, no empty part, nothing that a URL or a file name could take for something else. */
const poolPath = /^pool(?:\/(?!\.)[A-Za-z0-9%+~_.:-]+)+\.deb$/;

/**
 * Makes a package of an index's stanza. Undefined for another architecture; throws `index-invalid` where a field
 * that altee needs is missing or malformed.
 */
export function parsePackage(
  stanza: Stanza,
  archive: DebianArchive,
  suite: string,
): DebianPackage | undefined {
  const name = stanza.get('package') ?? '';
  const field = (key: string, pattern: RegExp): string => {
    const value = stanza.get(key) ?? '';
    if (pattern.test(value)) return value;
    throw new BuilderError('index-invalid', `Package "${name}" in ${suite} has the ${key} "${value}"`);
  };
  const architecture = stanza.get('architecture');
  if (architecture !== 'amd64' && architecture !== 'all') return undefined;
  const relations = (key: string) => parseRelations(stanza.get(key) ?? '');
  return {
    name: field('package', /^[a-z0-9][a-z0-9+.-]*$/),
    version: field('version', /^[A-Za-z0-9.+:~-]+$/),
    architecture,
    archive,
    suite,
    filename: field('filename', poolPath),
    sizeBytes: Number(field('size', /^[1-9]\d{0,11}$/)),
    sha256: `sha256:${field('sha256', /^[0-9a-f]{64}$/)}`,
    source: stanza.get('source') ?? name,
    installedKib: Number(stanza.get('installed-size') ?? 0),
    essential: stanza.get('essential') === 'yes',
    needs: [...relations('pre-depends'), ...relations('depends')],
    provides: relations('provides').flat(),
    excludes: [...relations('conflicts'), ...relations('breaks')].flat(),
  };
}

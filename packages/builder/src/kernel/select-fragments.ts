import { BuilderError } from '../error.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Fragment } from './fragment.ts';
import type { KernelLine } from './kernel-line.ts';

/** What an image wants of the kernel, as far as it chooses fragments. */
export interface Aspects {
  readonly features: readonly string[];
  readonly network: boolean;
  /** False only to measure what the hardening costs. */
  readonly hardening: boolean;
}

/**
 * The fragments of an image, in a fixed order: `base`, then the others by name, the hardening last.
 *
 * A fragment named `a+b` belongs to images that have both `a` and `b`; `no-a` in a name stands for the absence of
 * `a`. `include` lines bring further fragments in.
 *
 * @throws BuilderError `invalid-input` for features that the line does not have
 */
export function selectFragments(line: KernelLine, aspects: Aspects): Fragment[] {
  const unknown = aspects.features.filter((feature) => !line.features.includes(feature));
  if (unknown.length > 0) {
    throw new BuilderError('invalid-input', `The kernel line "${line.name}" has no such feature`, {
      details: unknown.map(
        (feature) => `"${feature}"${didYouMean(feature, line.features) || ': no such feature'}`,
      ),
      hint: `Features are: ${line.features.join(', ')}`,
    });
  }
  const present = new Set(['base']);
  if (aspects.network) present.add('network');
  if (aspects.hardening) present.add('hardening');
  for (const feature of aspects.features) addWithIncludes(line, feature, present);

  return [...line.fragments.values()]
    .filter((fragment) => fragment.name.split('+').every((part) => holds(part, present)))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

function addWithIncludes(line: KernelLine, name: string, present: Set<string>): void {
  if (present.has(name)) return;
  present.add(name);
  for (const include of line.fragments.get(name)?.includes ?? []) {
    if (!line.fragments.has(include.name)) {
      throw new BuilderError('kernel-config', `${include.origin}: there is no fragment "${include.name}"`);
    }
    addWithIncludes(line, include.name, present);
  }
}

function holds(part: string, present: ReadonlySet<string>): boolean {
  return part.startsWith('no-') ? !present.has(part.slice('no-'.length)) : present.has(part);
}

function rank(fragment: Fragment): number {
  if (fragment.name === 'base') return 0;
  return isHardening(fragment) ? 2 : 1;
}

/** Whether exceptions of the manifest may take back what this fragment asks for. */
export function isHardening(fragment: Fragment): boolean {
  return fragment.name.split('+').includes('hardening');
}

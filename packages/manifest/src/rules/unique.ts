import type { Manifest } from '../schema/manifest.ts';
import { type Objection, rule } from './rule.ts';

/** Objections to the entries of a list whose text was there before. */
function repeated(path: readonly (string | number)[], entries: readonly string[], key?: string): Objection[] {
  return entries.flatMap((entry, index) => {
    if (entries.indexOf(entry) === index) return [];
    const place = key === undefined ? [...path, index] : [...path, index, key];
    return [
      { path: place, message: `"${entry}" is written twice in "${path.join('.')}"`, advice: 'Delete one' },
    ];
  });
}

/** Lists whose entries are names: a second mention is a slip. */
const lists: readonly { needs: keyof Manifest; check: (manifest: Manifest) => Objection[] }[] = [
  { needs: 'app', check: ({ app }) => repeated(['app', 'build', 'packages'], app.build?.packages ?? []) },
  { needs: 'kernel', check: ({ kernel }) => repeated(['kernel', 'features'], kernel.features) },
  { needs: 'kernel', check: ({ kernel }) => repeated(['kernel', 'require'], kernel.require) },
  { needs: 'kernel', check: ({ kernel }) => repeated(['kernel', 'forbid'], kernel.forbid) },
  {
    needs: 'hardening',
    check: ({ hardening: { exceptions } }) =>
      repeated(
        ['hardening', 'exceptions'],
        exceptions.map(({ option }) => option),
        'option',
      ),
  },
  {
    needs: 'inputs',
    check: ({ inputs }) =>
      repeated(
        ['inputs'],
        inputs.map(({ name }) => name),
        'name',
      ),
  },
  { needs: 'outputs', check: ({ outputs }) => repeated(['outputs'], outputs) },
];

/** Each list of names holds a name once. */
export const listsHaveNoRepeats = lists.map(({ needs, check }) =>
  rule([needs], (manifest) => check(manifest as Manifest)),
);

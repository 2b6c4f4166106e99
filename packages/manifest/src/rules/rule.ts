import type { Manifest } from '../schema/manifest.ts';

/** What a rule has to say about the part of the manifest at `path`. */
export interface Objection {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly advice?: string;
}

/** Answers whether a path was written, or is there only as a default. */
export type IsWritten = (...path: (string | number)[]) => boolean;

/** A rule that spans fields; it runs when all sections that it needs are valid by themselves. */
export interface Rule {
  readonly needs: readonly (keyof Manifest)[];
  readonly check: (manifest: Manifest, isWritten: IsWritten) => Objection[];
}

/** A rule over the named sections: its check sees these and no others. */
export function rule<Section extends keyof Manifest>(
  needs: readonly Section[],
  check: (manifest: Pick<Manifest, Section>, isWritten: IsWritten) => Objection[],
): Rule {
  return { needs, check };
}

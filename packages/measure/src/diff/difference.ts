import type { BytesDifference } from './bytes-difference.ts';
import type { TextDifference } from './text-difference.ts';

/** A named value of which the two sides have another, or one of them none. */
export interface FieldDifference {
  readonly name: string;
  readonly a?: string;
  readonly b?: string;
}

/** How two things of the same name differ, down to what differs in them. */
export interface PartDifference {
  readonly name: string;
  /** What it is, where that was recognised on both sides. */
  readonly format?: string;
  /** `added` is in B alone, `removed` in A alone. */
  readonly change: 'changed' | 'added' | 'removed';
  /** Sizes of the content in bytes. */
  readonly sizes: { readonly a?: number; readonly b?: number };
  readonly fields: readonly FieldDifference[];
  readonly bytes?: BytesDifference;
  readonly text?: TextDifference;
  /** What else is to be said: why something could not be taken apart, which parts only moved. */
  readonly notes: readonly string[];
  /** The path of the same two contents, where they were told before. */
  readonly sameAs?: string;
  readonly parts: readonly PartDifference[];
}

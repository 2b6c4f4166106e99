import type { LeakKind } from '@altee/manifest';

/** Something in the results of a build that is of the machine or the moment that made them. */
export interface Leak {
  readonly what: LeakKind;
  /** What it is, without its value: `the project's folder`, `the value of $API_TOKEN`. */
  readonly which: string;
  /** From the file inwards: `hello.efi`, `.initrd`, `content`, `app/hello`, `.rodata`. */
  readonly place: readonly string[];
  /** In the innermost part of the place. */
  readonly offset: number;
  /** What stands there, with secrets blotted out. */
  readonly context: string;
  /** Of dates: the text itself. */
  readonly text?: string;
}

/** A leak that a search found, before its place is known. */
export interface Hit {
  readonly what: LeakKind;
  readonly which: string;
  readonly offset: number;
  readonly length: number;
  /** Never shown: a secret. */
  readonly isSecret?: boolean;
}

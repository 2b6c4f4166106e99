import type { HashName } from '../hash.ts';
import type { RecordedRegister } from '../predict/parse-json.ts';
import type { ImageIdentity, RecordedPlatform } from '../predict/parse-measurements.ts';
import type { RegisterName, Technology } from '../predict/prediction.ts';

/** An image and what is known of it on each platform. */
export interface Release {
  readonly image: ImageIdentity;
  readonly platforms: ReadonlyMap<string, RecordedPlatform>;
}

/** A register's value that a file pins. */
export interface Covered {
  readonly image: ImageIdentity;
  readonly platform: string;
  readonly register: RegisterName;
  readonly banks: readonly HashName[];
}

/** A register that a file says nothing of, and why. */
export interface LeftOut {
  readonly image: ImageIdentity;
  readonly platform: string;
  readonly register: RegisterName;
  /** A sentence without full stop. */
  readonly reason: string;
}

/** One file of the folder `policy/`. */
export interface PolicyFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly dialect: string;
  readonly covers: readonly Covered[];
  readonly leavesOut: readonly LeftOut[];
}

/** A platform that a dialect has no words for. */
export interface NotWritten {
  readonly dialect: string;
  readonly image: ImageIdentity;
  readonly platform: string;
  /** A sentence without full stop. */
  readonly reason: string;
}

/** One image on one platform, as a writer gets it: with the registers that may be pinned, and nothing else. */
export interface Subject {
  readonly image: ImageIdentity;
  readonly platform: string;
  readonly kind: string;
  readonly technology: Technology;
  /** Registers with status `predicted`. */
  readonly pinned: readonly RecordedRegister[];
  /** Whether somebody chose these registers himself, and they are not simply all that are predicted. */
  readonly isChosen: boolean;
  readonly banks: readonly HashName[];
  readonly leftOut: readonly LeftOut[];
  /** What files of this one platform are called by: no other subject has it. */
  readonly stem: string;
}

/** What a writer gives; the table adds the dialect's name. */
export interface Written {
  readonly files: readonly Omit<PolicyFile, 'dialect'>[];
  readonly notWritten: readonly Omit<NotWritten, 'dialect'>[];
}

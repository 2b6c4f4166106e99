import { BuilderError } from '../error.ts';
import { printable } from '../executor/printable.ts';
import type { BundleMember } from './bundle-index.ts';

/** A bundle whose every byte was verified against its index. */
export interface Bundle {
  readonly path: string;
  readonly has: (sha256: string) => boolean;
  /** Copies the file of that digest to `destination`; false where the bundle has none. The copy is to be verified. */
  readonly copy: (sha256: string, destination: string) => Promise<boolean>;
}

/** A bundle that was opened but not yet verified. */
export interface OpenBundle {
  readonly indexText: string;
  /** Throws `bundle-invalid` unless the members are those, in name, size and order, and nothing else is there. */
  readonly checkMembers: (members: readonly BundleMember[]) => Promise<void>;
  /** Content of a member, by the place that `checkMembers` found it at. */
  readonly read: (member: BundleMember) => AsyncIterable<Uint8Array>;
}

const HINT = 'Get the bundle again, or make it anew with "altee vendor"';

/** A bundle that is not what it should be: exit code 2. */
export function invalidBundle(
  path: string,
  reason: string,
  options: { details?: readonly string[]; hint?: string } = {},
): BuilderError {
  return new BuilderError('bundle-invalid', `Refused the vendor bundle "${path}": ${reason}`, {
    hint: options.hint ?? HINT,
    ...(options.details ? { details: options.details } : {}),
  });
}

/** A name that somebody else chose, for a message. */
export function shown(name: string): string {
  return `"${printable(name.slice(0, 120))}"`;
}

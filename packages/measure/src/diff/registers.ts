import { equalBytes } from '../bytes/compare.ts';
import { toHex } from '../bytes/hex.ts';
import type { HashName } from '../hash.ts';
import type { RecordedEvent, RecordedPrediction, RecordedRegister } from '../predict/parse-json.ts';

/**
 * What becomes of one register when image B takes the place of image A.
 *
 * - `moves`: both values are known, and they differ.
 * - `stays`: both values are known, and they are equal in every bank.
 * - `unknown`: one of the values is not known.
 */
export interface RegisterMove {
  readonly register: string;
  readonly status: 'moves' | 'stays' | 'unknown';
  /** One line, without full stop. */
  readonly reason: string;
  /** Where it moves: a bank that shows it, with both values in hex. */
  readonly values?: { readonly bank: HashName; readonly a: string; readonly b: string };
}

/** Compares two predictions for one machine, register by register, in their order. */
export function compareMoves(a: RecordedPrediction, b: RecordedPrediction): RegisterMove[] {
  const names = [...new Set([...a.registers, ...b.registers].map(({ register }) => register))];
  return names.map((name) => {
    const [one, other] = [a, b].map(({ registers }) => registers.find(({ register }) => register === name));
    if (!one || !other)
      return { register: name, status: 'unknown', reason: `${one ? 'B' : 'A'} has no such register` };
    return compareRegister(name, one, other);
  });
}

function compareRegister(register: string, a: RecordedRegister, b: RecordedRegister): RegisterMove {
  const banks = banksOf(a).filter((bank) => b.values[bank] !== undefined);
  if (banks.length === 0) return { register, status: 'unknown', reason: unknownReason(a, b) };
  const moved = banks.find((bank) => !equalIn(bank, a, b));
  if (moved === undefined)
    return { register, status: 'stays', reason: `the same value in ${banks.join(', ')}` };
  const values = { bank: moved, a: hexIn(moved, a), b: hexIn(moved, b) };
  return { register, status: 'moves', reason: firstMove(moved, a, b), values };
}

function unknownReason(a: RecordedRegister, b: RecordedRegister): string {
  const [one, other] = [a, b].map(({ status, reason }) => `${status}: ${reason}`);
  return one === other ? (one ?? '') : `A ${one}; B ${other}`;
}

/** The first event whose digest differs. */
function firstMove(bank: HashName, a: RecordedRegister, b: RecordedRegister): string {
  const count = Math.max(a.events.length, b.events.length);
  for (let index = 0; index < count; index++) {
    const [one, other] = [a.events[index], b.events[index]];
    if (digestIn(bank, one) === digestIn(bank, other)) continue;
    const number = `event ${index + 1}`;
    if (!one || !other)
      return `${number} is in ${one ? 'A' : 'B'} alone: ${(one ?? other)?.description ?? ''}`;
    return one.description === other.description
      ? `${number}: ${one.description}`
      : `${number}: ${one.description} in A, ${other.description} in B`;
  }
  return 'the events are the same and the values are not';
}

function digestIn(bank: HashName, event: RecordedEvent | undefined): string | undefined {
  const digest = event?.digests[bank];
  return digest && toHex(digest);
}

function banksOf({ values }: RecordedRegister): HashName[] {
  return (['sha256', 'sha384', 'sha512', 'sha1'] as const).filter((bank) => values[bank] !== undefined);
}

function equalIn(bank: HashName, a: RecordedRegister, b: RecordedRegister): boolean {
  const [one, other] = [a.values[bank], b.values[bank]];
  return one !== undefined && other !== undefined && equalBytes(one, other);
}

function hexIn(bank: HashName, { values }: RecordedRegister): string {
  const value = values[bank];
  return value ? toHex(value) : '';
}

import { toHex } from '../bytes/hex.ts';
import type { HashName } from '../hash.ts';
import type { RecordedEvent } from '../predict/parse-json.ts';
import { describeEvent } from '../tcg/describe-event.ts';
import { type EventTypeName, eventTypes } from '../tcg/event-type.ts';
import type { ObservedEvent } from './observed-event.ts';

/**
 * A predicted event beside the observed one that stands for it.
 *
 * - `equal`: the digests agree in every bank that both have.
 * - `changed`: the same thing was measured, with other contents.
 * - `missing`: it was predicted and did not happen.
 * - `extra`: it happened and was not predicted.
 */
export type AlignedEvent =
  | {
      readonly relation: 'equal' | 'changed';
      readonly predicted: RecordedEvent;
      readonly observed: ObservedEvent;
    }
  | { readonly relation: 'missing'; readonly predicted: RecordedEvent; readonly observed?: undefined }
  | { readonly relation: 'extra'; readonly predicted?: undefined; readonly observed: ObservedEvent };

/** Costs of putting two events beside each other; leaving one out costs 1. */
const costs = { equal: 0, sameSubject: 0.6, sameType: 1.2, leftOut: 1 } as const;

/** A table of this many cells takes 32 MiB; logs that are longer are aligned at their beginnings only. */
const maxCells = 1 << 22;

/**
 * Aligns the events of one register: of all ways to put them side by side the one with the least differences, and of
 * several such the one that keeps the beginning equal. `banks` are those in which digests are compared.
 */
export function alignEvents(
  predicted: readonly RecordedEvent[],
  observed: readonly ObservedEvent[],
  banks: readonly HashName[],
): AlignedEvent[] {
  const wanted = predicted.map((event) =>
    keyOf(event, (bank) => event.digests[bank], banks, subjectOf(event)),
  );
  const seen = observed.map(({ event, untrustedType, said }) =>
    keyOf({ eventType: untrustedType }, (bank) => event.digests.get(bank), banks, said.subject),
  );
  const start = commonStart(wanted, seen);
  const table = costTable(wanted.slice(start), seen.slice(start));
  const rows: AlignedEvent[] = [];
  let p = 0;
  let o = 0;
  while (p < predicted.length || o < observed.length) {
    const ours = predicted[p];
    const theirs = observed[o];
    const step = p < start ? 'pair' : stepOf(table, wanted, seen, p, o, start);
    if (ours && theirs && step === 'pair') {
      rows.push({
        relation: wanted[p]?.digest === seen[o]?.digest ? 'equal' : 'changed',
        predicted: ours,
        observed: theirs,
      });
      p++;
      o++;
    } else if (theirs && (step === 'extra' || !ours)) {
      rows.push({ relation: 'extra', observed: theirs });
      o++;
    } else if (ours) {
      rows.push({ relation: 'missing', predicted: ours });
      p++;
    }
  }
  return rows;
}

interface Key {
  readonly digest: string;
  readonly type: string;
  readonly subject: string | undefined;
}

function keyOf(
  { eventType }: { readonly eventType: string },
  digest: (bank: HashName) => Uint8Array | undefined,
  banks: readonly HashName[],
  subject: string | undefined,
): Key {
  const digests = banks.map((bank) => {
    const value = digest(bank);
    return value === undefined ? '' : toHex(value);
  });
  return { digest: digests.join(), type: eventType, subject };
}

/** What a predicted event is about, in the words that are made of logged ones. */
export function subjectOf({ eventType, data, source }: RecordedEvent): string | undefined {
  if (data !== undefined && Object.hasOwn(eventTypes, eventType))
    return describeEvent({ untrustedEventType: eventTypes[eventType as EventTypeName], untrustedData: data })
      .subject;
  if (source.kind === 'section') return `section ${source.section}`;
  return source.kind === 'variable' ? `variable ${source.name}` : undefined;
}

function commonStart(wanted: readonly Key[], seen: readonly Key[]): number {
  const differs = wanted.findIndex(({ digest }, index) => digest !== seen[index]?.digest);
  return differs < 0 ? wanted.length : differs;
}

interface CostTable {
  readonly width: number;
  readonly cells: Float64Array;
}

/** The least cost of aligning what is left, for each pair of positions; `undefined` where it would be too large. */
function costTable(wanted: readonly Key[], seen: readonly Key[]): CostTable | undefined {
  const width = seen.length + 1;
  if ((wanted.length + 1) * width > maxCells) return undefined;
  const cells = new Float64Array((wanted.length + 1) * width);
  for (let p = wanted.length; p >= 0; p--) {
    for (let o = seen.length; o >= 0; o--) {
      const at = p * width + o;
      if (p === wanted.length || o === seen.length) {
        cells[at] = wanted.length - p + (seen.length - o);
        continue;
      }
      const pair = pairCost(wanted[p], seen[o]) + (cells[at + width + 1] ?? 0);
      const left = costs.leftOut + Math.min(cells[at + width] ?? 0, cells[at + 1] ?? 0);
      cells[at] = Math.min(pair, left);
    }
  }
  return { width, cells };
}

function stepOf(
  table: CostTable | undefined,
  wanted: readonly Key[],
  seen: readonly Key[],
  p: number,
  o: number,
  start: number,
): 'pair' | 'missing' | 'extra' {
  const cost = pairCost(wanted[p], seen[o]);
  if (!table) return cost < 2 * costs.leftOut ? 'pair' : 'extra';
  const at = (p - start) * table.width + (o - start);
  const pair = cost + (table.cells[at + table.width + 1] ?? Number.POSITIVE_INFINITY);
  const missing =
    costs.leftOut + (p < wanted.length ? (table.cells[at + table.width] ?? 0) : Number.POSITIVE_INFINITY);
  const extra = costs.leftOut + (o < seen.length ? (table.cells[at + 1] ?? 0) : Number.POSITIVE_INFINITY);
  if (pair <= Math.min(missing, extra)) return 'pair';
  return missing <= extra ? 'missing' : 'extra';
}

function pairCost(ours: Key | undefined, theirs: Key | undefined): number {
  if (!ours || !theirs) return Number.POSITIVE_INFINITY;
  if (ours.digest === theirs.digest) return costs.equal;
  if (ours.type !== theirs.type) return Number.POSITIVE_INFINITY;
  if (ours.subject !== undefined && ours.subject === theirs.subject) return costs.sameSubject;
  return costs.sameType;
}

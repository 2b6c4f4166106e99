import type { AlignedEvent } from './align-events.ts';
import { subjectOf } from './align-events.ts';

/** How the image's sections, as the stub measured them, stand to the predicted ones. Names in the order of the events. */
export interface SectionChanges {
  /** True when the stub's measurements were both predicted and observed. */
  readonly areKnown: boolean;
  readonly changed: readonly string[];
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  /** Sections that the machine measured. */
  readonly observed: readonly string[];
  /** Sections that were predicted. */
  readonly predicted: readonly string[];
}

/** Reads the sections out of aligned events: the stub measures a name, then the contents. */
export function findSectionChanges(rows: readonly AlignedEvent[]): SectionChanges {
  const own = rows.filter((row) => sectionOf(row) !== undefined);
  const pick = (wanted: (row: AlignedEvent) => boolean): string[] => [
    ...new Set(own.filter(wanted).map((row) => sectionOf(row) ?? '')),
  ];
  const predicted = pick(({ relation }) => relation !== 'extra');
  const observed = pick(({ relation }) => relation !== 'missing');
  return {
    areKnown: predicted.length > 0 && observed.length > 0,
    changed: pick(({ relation }) => relation === 'changed'),
    missing: predicted.filter((name) => !observed.includes(name)),
    extra: observed.filter((name) => !predicted.includes(name)),
    observed,
    predicted,
  };
}

function sectionOf(row: AlignedEvent): string | undefined {
  const { predicted, observed } = row;
  if (predicted && (predicted.eventType !== 'EV_IPL' || predicted.source.kind !== 'section'))
    return undefined;
  const subject = observed?.said.subject ?? (predicted && subjectOf(predicted));
  return subject?.startsWith('section .') ? subject.slice('section '.length) : undefined;
}

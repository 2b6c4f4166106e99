import { ascii, utf16z } from '../bytes/text.ts';
import { loadedParts, loadSection } from '../pe/section.ts';
import { findUkiSection } from '../uki/sections.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import type { PredictedEvent } from './prediction.ts';

/** What PCR 11 covers. */
export const describePcr11 = (): string =>
  'The image’s sections, each by name and contents, as the systemd stub measures them';

const clause = 'UAPI.5 Unified Kernel Image, "PE Sections"; systemd src/boot/stub.c `measure_sections`';

/** PCR 11: for each section present, in the stub's order, its name and then its contents. */
export function predictPcr11(context: PredictionContext): RegisterAnswer {
  if ('unknown' in context.stub) return { status: 'unpredictable', reason: context.stub.unknown };
  const rules = context.stub.value;
  const events = rules.measured.flatMap((name): PredictedEvent[] => {
    const section = findUkiSection(context.pe, rules, name);
    if (!section) return [];
    const place = { kind: 'section', section: name } as const;
    const common = {
      stage: 'stub',
      eventType: 'EV_IPL',
      data: utf16z(name),
      clause,
      dependsOn: ['image', 'stub'],
    } as const;
    return [
      pcrEvent(context, 11, {
        ...common,
        measured: [ascii(`${name}\0`)],
        source: { ...place, part: 'name', offset: section.headerOffset, length: name.length + 1 },
        description: `name of section "${name}" with its NUL`,
      }),
      pcrEvent(context, 11, {
        ...common,
        measured: loadedParts(loadSection(context.uki, section)),
        source: { ...place, part: 'contents', offset: section.rawOffset, length: section.virtualSize },
        description: `contents of section "${name}", ${section.virtualSize} bytes`,
      }),
    ];
  });
  return { status: 'predicted', reason: 'All measured sections are in the image', events };
}

import { hexNumber } from '../bytes/hex.ts';
import type { EventSource } from './prediction.ts';

/** Where an event's bytes come from, in words. */
export function sourceText(source: EventSource): string {
  switch (source.kind) {
    case 'constant':
      return `constant: ${source.text}`;
    case 'image':
      return `the image file, ${source.length} bytes`;
    case 'section':
      return `section "${source.section}" (${source.part}) at ${hexNumber(source.offset)}, ${source.length} bytes`;
    case 'sections':
      return `sections ${source.sections.join(', ')}, ${source.length} bytes`;
    case 'partition-table':
      return `the disk's partition table, ${source.partitions} in use`;
    case 'variable':
      return `variable ${source.name}`;
    case 'firmware':
      return `firmware: ${source.part} at ${hexNumber(source.offset)}, ${source.length} bytes`;
    case 'fw_cfg':
      return `fw_cfg file ${source.file}, ${source.length} bytes`;
    case 'computed':
      return `computed from ${source.from}, ${source.length} bytes`;
    case 'reference-log':
      return `event ${source.index + 1} of the reference log`;
    case 'machine':
      return `the machine: ${source.fact}`;
  }
}

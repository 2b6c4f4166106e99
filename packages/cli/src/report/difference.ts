import { type DiffResult, type Moves, type PlatformMoves, printable } from '@altee/builder';
import type { FieldDifference, PartDifference, RegisterMove } from '@altee/measure';
import type { styler } from './style.ts';
import { formatBytes } from './terminal-text.ts';

type Paint = ReturnType<typeof styler>;

/** How much of each part is shown; everything is in `--json` and `--html`. */
const SHOWN = { fields: 12, lines: 12, parts: 30, value: 76 } as const;
const INDENT = '  ';

/** Files that altee computes from the image: how they differ follows from how the image does. */
const COMPUTED = /^(?:measurements\.json|reference-values\.json|SHA256SUMS|eventlog\/.*|policy\/.*)$/;

/** The tree of what differs, then the registers. */
export function differenceLines({ difference, moves }: DiffResult, isFull: boolean, paint: Paint): string[] {
  if (!difference || !moves) return [paint('green', 'Equal')];
  const tree =
    difference.name === ''
      ? folderLines(difference.parts, isFull, paint)
      : partLines(difference, 0, isFull, paint);
  return [...tree, '', ...movesLines(moves, isFull, paint)];
}

function folderLines(parts: readonly PartDifference[], isFull: boolean, paint: Paint): string[] {
  const isShown = ({ name }: PartDifference) => isFull || !COMPUTED.test(name);
  const shown = parts.filter(isShown);
  // Where nothing but these differs, they are what one wants to know.
  if (shown.length === 0) return parts.flatMap((part) => partLines(part, 0, isFull, paint));
  const names = parts.filter((part) => !isShown(part)).map(({ name }) => printable(name));
  return [
    ...shown.flatMap((part) => partLines(part, 0, isFull, paint)),
    ...(names.length === 0
      ? []
      : [`${paint('yellow', '≠')} computed from these: ${names.join(', ')}  ${paint('dim', '(--full)')}`]),
  ];
}

function partLines(part: PartDifference, depth: number, isFull: boolean, paint: Paint): string[] {
  const names = [part.name];
  let inner = part;
  // What only leads to the one part that differs takes no line of its own.
  while (isWayTo(inner)) {
    inner = inner.parts[0] ?? inner;
    names.push(inner.name);
  }
  const indent = INDENT.repeat(depth);
  const title = names.map(printable).join(paint('dim', ' › '));
  const head = `${indent}${marks(inner, paint)} ${title}  ${paint('dim', aboutText(inner))}`.trimEnd();
  const own = [
    ...inner.notes.map((note) => paint('yellow', printable(note))),
    ...(inner.sameAs === undefined ? [] : [`as in ${printable(inner.sameAs)}`]),
    ...fieldLines(inner.fields, isFull),
    ...bytesLines(inner, isFull),
    ...textLines(inner, isFull),
  ].map((line) => `${indent}${INDENT}${line}`);
  const shown = isFull ? inner.parts : inner.parts.slice(0, SHOWN.parts);
  return [
    head,
    ...own,
    ...shown.flatMap((each) => partLines(each, depth + 1, isFull, paint)),
    ...moreLine(inner.parts.length - shown.length, 'parts').map((line) => `${indent}${INDENT}${line}`),
  ];
}

function isWayTo({ parts, fields, notes, bytes, text, sameAs, change }: PartDifference): boolean {
  const hasOwn = fields.length + notes.length > 0 || bytes || text || sameAs !== undefined;
  return !hasOwn && parts.length === 1 && change === 'changed';
}

function marks({ change }: PartDifference, paint: Paint): string {
  if (change === 'added') return paint('green', '+');
  return change === 'removed' ? paint('red', '-') : paint('yellow', '≠');
}

function aboutText({ format, sizes: { a, b }, change }: PartDifference): string {
  const size =
    a !== undefined && b !== undefined && a !== b
      ? `${formatBytes(a)} → ${formatBytes(b)} (${b > a ? '+' : '−'}${Math.abs(b - a)} bytes)`
      : a !== undefined || b !== undefined
        ? formatBytes(a ?? b ?? 0)
        : '';
  const only = { changed: '', added: 'in B alone', removed: 'in A alone' }[change];
  return [format ?? '', size, only].filter((each) => each !== '').join(', ');
}

function fieldLines(fields: readonly FieldDifference[], isFull: boolean): string[] {
  const shown = isFull ? fields : fields.slice(0, SHOWN.fields);
  const width = Math.max(0, ...shown.map(({ name }) => name.length));
  return [
    ...shown.map(
      ({ name, a, b }) =>
        `${printable(name).padEnd(width)}  ${valueText(a, isFull)} → ${valueText(b, isFull)}`,
    ),
    ...moreLine(fields.length - shown.length, 'values'),
  ];
}

function valueText(value: string | undefined, isFull: boolean): string {
  if (value === undefined) return '(none)';
  const text = printable(value);
  return isFull || text.length <= SHOWN.value ? text : `${text.slice(0, SHOWN.value)}…`;
}

function bytesLines({ bytes }: PartDifference, isFull: boolean): string[] {
  if (!bytes) return [];
  const { offset, place, shownFrom, a, b, differingBytes } = bytes;
  const count =
    differingBytes === undefined
      ? ''
      : `, ${differingBytes} ${differingBytes === 1 ? 'byte differs' : 'bytes differ'}`;
  const where = place?.a === undefined ? '' : ` (${printable(place.a)})`;
  const isText = a.text !== undefined && b.text !== undefined;
  return [
    `first difference at 0x${offset.toString(16)}${where}${count}`,
    ...(['a', 'b'] as const).map((side) => {
      const { hex, text } = bytes[side];
      const said = isText ? `  "${printable(text ?? '')}"` : '';
      return `${side.toUpperCase()} 0x${shownFrom.toString(16)}: ${spaced(hex, offset - shownFrom)}${said}`;
    }),
  ].slice(0, isFull ? undefined : 3);
}

/** Bytes apart, those from the first difference on behind a bar. */
function spaced(hex: string, before: number): string {
  const bytes = hex.match(/../g) ?? [];
  return [...bytes.slice(0, before), '|', ...bytes.slice(before)].join(' ');
}

function textLines({ text }: PartDifference, isFull: boolean): string[] {
  if (!text) return [];
  const shown = isFull ? text.changes : text.changes.slice(0, SHOWN.lines);
  return [
    ...(text.isExact ? [] : ['the texts are too different to be told line by line']),
    ...shown.map(
      ({ side, line, text: content }) => `${side === 'a' ? '-' : '+'} ${line}: ${valueText(content, isFull)}`,
    ),
    ...moreLine(text.count - shown.length, 'lines'),
  ];
}

function moreLine(count: number, what: string): string[] {
  return count > 0 ? [`… ${count} more ${what}`] : [];
}

/** What it comes to, in one sentence. */
export function verdictText({ verdict, platforms }: Moves): string {
  if (verdict === 'none') return 'Container only: no register moves';
  if (verdict === 'unknown') return 'No register is known to move, and not all of them are known';
  const names = platforms.map(({ platform, registers, source }) => {
    const moving = registers.filter(({ status }) => status === 'moves').map(({ register }) => register);
    return `${moving.length === 0 ? 'none' : moving.join(', ')} on ${platform}${source === 'recorded' ? ' (as recorded)' : ''}`;
  });
  return `Registers that move: ${names.join('; ')}`;
}

/** Where a machine's registers come from. */
export const sourceTexts: Readonly<Record<PlatformMoves['source'], string>> = {
  'described-machine': 'computed from both images for the described machine',
  'image-alone': 'computed from both images, on any firmware; nobody described the machine',
  recorded: 'as the two measurements.json say',
};

function movesLines(moves: Moves, isFull: boolean, paint: Paint): string[] {
  const { platforms, notes, verdict } = moves;
  const lines = platforms.flatMap(({ platform, source, registers }) => [
    `${paint('bold', printable(platform))}  ${paint('dim', sourceTexts[source])}`,
    ...registers.filter(({ status }) => status === 'moves').flatMap((each) => moveLines(each, isFull, paint)),
    ...summaryLine(registers, 'stays', 'do not move', paint),
    ...unknownLines(registers, isFull, paint),
  ]);
  const colour = { none: 'green', some: 'red', unknown: 'yellow' } as const;
  return [
    ...lines,
    ...notes.map((note) => paint('yellow', printable(note))),
    paint(colour[verdict], printable(verdictText(moves))),
  ];
}

function moveLines({ register, reason, values }: RegisterMove, isFull: boolean, paint: Paint): string[] {
  const line = `  ${paint('red', `✗ ${register.padEnd(6)} moves`)}  ${printable(reason)}`;
  return values && isFull
    ? [line, `      ${values.bank} A ${values.a}`, `      ${values.bank} B ${values.b}`]
    : [line];
}

function summaryLine(
  registers: readonly RegisterMove[],
  status: RegisterMove['status'],
  what: string,
  paint: Paint,
): string[] {
  const names = registers.filter((each) => each.status === status).map(({ register }) => register);
  return names.length === 0 ? [] : [`  ${paint('green', '✓')} ${names.join(', ')} ${what}`];
}

function unknownLines(registers: readonly RegisterMove[], isFull: boolean, paint: Paint): string[] {
  const unknown = registers.filter(({ status }) => status === 'unknown');
  if (isFull)
    return unknown.map(
      ({ register, reason }) => `  ${paint('yellow', `? ${register}`)}  ${printable(reason)}`,
    );
  const names = unknown.map(({ register }) => register).join(', ');
  return unknown.length === 0 ? [] : [`  ${paint('yellow', `? ${names} not known`)} (--full says why)`];
}

import type { BytesDifference } from '../diff/bytes-difference.ts';
import type { FieldDifference, PartDifference } from '../diff/difference.ts';
import type { RegisterMove } from '../diff/registers.ts';
import type { TextDifference } from '../diff/text-difference.ts';
import { type Html, html } from './escape.ts';
import { pageHtml } from './page.ts';

/** Two things and how they differ, for a page. */
export interface ComparedPair {
  readonly a: string;
  readonly b: string;
  readonly difference: PartDifference | undefined;
  /** What it comes to, in one sentence. */
  readonly verdict: string;
  /** A heading for each machine, with its registers. */
  readonly machines: readonly { readonly title: string; readonly registers: readonly RegisterMove[] }[];
  readonly notes: readonly string[];
}

/** A page that needs nothing else. Names and contents may be hostile: all of them are escaped. */
export function differencePageHtml({ a, b, difference, verdict, machines, notes }: ComparedPair): string {
  const body = html`<h1>What differs</h1><p>A <code>${a}</code><br>B <code>${b}</code></p>${
    difference ? partHtml(difference, true) : html`<p class="verified"><b>Equal.</b></p>`
  }<h2>Registers</h2><p><b>${verdict}</b></p>${machines.map(machineHtml)}${
    notes.length > 0 ? html`<ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>` : html``
  }`;
  return pageHtml('What differs', body);
}

const words = { changed: '≠', added: 'in B alone', removed: 'in A alone' } as const;

function partHtml(part: PartDifference, isOpen: boolean): Html {
  const { name, format, change, sizes, fields, bytes, text, notes, sameAs, parts } = part;
  const size = sizesText(sizes);
  const summary = html`<summary><code>${name}</code> <small>${format ?? ''} ${words[change]} ${size}</small></summary>`;
  const said = html`${notes.map((note) => html`<p>${note}</p>`)}${
    sameAs === undefined ? html`` : html`<p>As in <code>${sameAs}</code></p>`
  }${fieldsHtml(fields)}${bytes ? bytesHtml(bytes) : html``}${text ? textHtml(text) : html``}`;
  const inner = parts.map((each) => partHtml(each, parts.length <= 8));
  return isOpen
    ? html`<details open class="part">${summary}${said}${inner}</details>`
    : html`<details class="part">${summary}${said}${inner}</details>`;
}

function sizesText({ a, b }: PartDifference['sizes']): string {
  if (a === undefined || b === undefined) return a === b ? '' : `${a ?? b} bytes`;
  return a === b ? `${a} bytes` : `${a} → ${b} bytes`;
}

function fieldsHtml(fields: readonly FieldDifference[]): Html {
  if (fields.length === 0) return html``;
  return html`<table><thead><tr><th>Field</th><th>A</th><th>B</th></tr></thead><tbody>${fields.map(
    ({ name, a, b }) =>
      html`<tr><th scope="row">${name}</th><td><code>${a ?? '–'}</code></td><td><code>${b ?? '–'}</code></td></tr>`,
  )}</tbody></table>`;
}

function bytesHtml({ offset, place, shownFrom, a, b, differingBytes }: BytesDifference): Html {
  const count = differingBytes === undefined ? '' : `, ${differingBytes} bytes differ`;
  const side = (name: string, shown: BytesDifference['a'], where: string | undefined): Html =>
    html`<tr><th scope="row">${name}</th><td><code>${shown.hex}</code></td><td><code>${shown.text ?? ''}</code> <small>${where ?? ''}</small></td></tr>`;
  return html`<p>First difference at 0x${offset.toString(16)}${count}; bytes from 0x${shownFrom.toString(16)} on:</p><table><tbody>${side('A', a, place?.a)}${side('B', b, place?.b)}</tbody></table>`;
}

function textHtml({ changes, count, isExact }: TextDifference): Html {
  const more = count > changes.length ? html`<p>… ${count - changes.length} more lines</p>` : html``;
  const rough = isExact ? html`` : html`<p>The texts are too different to be told line by line.</p>`;
  return html`${rough}<ol class="rows">${changes.map(
    ({ side, line, text }) => html`<li value="${line}"><code>${side === 'a' ? '−' : '+'} ${text}</code></li>`,
  )}</ol>${more}`;
}

const marks = { moves: 'different', stays: 'equal', unknown: 'host-dependent' } as const;

function machineHtml({ title, registers }: ComparedPair['machines'][number]): Html {
  return html`<h3>${title}</h3><table class="registers"><thead><tr><th>Register</th><th>Answer</th><th>Why</th></tr></thead>${registers.map(
    ({ register, status, reason, values }) =>
      html`<tbody class="${marks[status]}" data-register="${register}"><tr><th scope="row">${register}</th><td>${status}</td><td>${reason}${
        values
          ? html`<br><small>${values.bank} A <code>${values.a}</code> B <code>${values.b}</code></small>`
          : html``
      }</td></tr></tbody>`,
  )}</table>`;
}

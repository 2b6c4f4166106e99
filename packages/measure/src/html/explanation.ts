import type { AlignedEvent } from '../align/align-events.ts';
import type { ExplainedRegister, Explanation } from '../align/explain.ts';
import type { ObservedEvent } from '../align/observed-event.ts';
import type { EventLogFile } from '../tcg/log-file.ts';
import type { LogQuirk } from '../tcg/quirks.ts';
import type { ReplayedPcrs } from '../tcg/replay.ts';
import { type Html, html } from './escape.ts';
import { eventLogHtml } from './event-log.ts';
import { observedChainHtml } from './observed-chain.ts';
import { pageHtml } from './page.ts';

/** All that a page about a log shows. */
export interface ExplainedLog {
  readonly file: EventLogFile;
  readonly events: readonly ObservedEvent[];
  readonly quirks: readonly LogQuirk[];
  readonly replayed: ReplayedPcrs;
  readonly explanation?: Explanation | undefined;
}

/** One page that needs nothing else: the boot chain drawn, the comparison, all events. `title` may be hostile. */
export function explanationPageHtml(title: string, explained: ExplainedLog): string {
  return pageHtml(`Event log ${title}`, html`<h1>${title}</h1>${explainedLogHtml(explained)}`);
}

/** The same as a part of another page. */
export function explainedLogHtml({ file, events, quirks, replayed, explanation }: ExplainedLog): Html {
  const comparison = explanation
    ? html`<h2>Compared with the prediction</h2>${explanationHtml(explanation)}`
    : html``;
  return html`${observedChainHtml(file, events, explanation)}${comparison}<h2>Events</h2>${eventLogHtml(file, events, quirks, replayed)}`;
}

/** Each register's answer; of those that differ the aligned events, and the cause of the first difference. */
export function explanationHtml({ registers, first, isEqual }: Explanation): Html {
  return html`${firstHtml(first, isEqual)}<table class="registers"><thead><tr><th>Register</th><th>Answer</th><th>Why</th></tr></thead>${registers.map(registerHtml)}</table>`;
}

function firstHtml(first: Explanation['first'], isEqual: boolean): Html {
  if (isEqual) return html`<p class="verified"><b>Every predicted register is as predicted.</b></p>`;
  if (!first)
    return html`<p class="not-covered"><b>Nothing differs, but not every predicted register was observed.</b></p>`;
  const { cause, row, position } = first.first;
  const where = row.observed ? `event ${row.observed.event.index + 1}` : 'an event that did not happen';
  return html`<p class="mismatch"><b>First difference: ${where}, ${first.register} event ${position + 1}: ${rowText(row)}</b></p><p>${
    cause.certainty === 'proven' ? 'Cause' : 'Likely cause'
  } (${cause.code}): ${cause.text}</p>`;
}

function registerHtml({ register, status, predictionStatus, reason, rows, values }: ExplainedRegister): Html {
  const differing = values.filter(({ predicted, replayed, read }) => (read ?? replayed) !== predicted);
  const assumed = predictionStatus === 'assumed' ? ' (the prediction is assumed)' : '';
  const events =
    status === 'different' || rows.length > 0
      ? html`<details><summary>events</summary><ol class="rows">${rows.map(rowHtml)}</ol>${differing.map(
          ({ bank, predicted, replayed, read }) =>
            html`<p>${bank}: predicted <code>${predicted}</code>, log <code>${replayed ?? 'unknown'}</code>${
              read === undefined ? html`` : html`, machine <code>${read}</code>`
            }</p>`,
        )}</details>`
      : html``;
  return html`<tbody class="${status}" data-register="${register}"><tr><th scope="row">${register}</th><td>${status}</td><td>${reason}${assumed}${events}</td></tr></tbody>`;
}

const relations = { equal: ' ', changed: '≠', missing: '−', extra: '+' } as const;

function rowHtml(row: AlignedEvent): Html {
  return html`<li class="${row.relation === 'equal' ? 'verified' : 'mismatch'}">${relations[row.relation]} ${rowText(row)}${
    row.relation === 'changed' ? html` <small>instead of: ${row.predicted.description}</small>` : html``
  }</li>`;
}

function rowText({ observed, predicted }: AlignedEvent): string {
  return observed?.said.text ?? predicted?.description ?? '';
}

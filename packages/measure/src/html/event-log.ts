import type { ObservedEvent } from '../align/observed-event.ts';
import { toHex } from '../bytes/hex.ts';
import type { HashName } from '../hash.ts';
import { type EventLogFile, registerName } from '../tcg/log-file.ts';
import type { LogQuirk } from '../tcg/quirks.ts';
import { describeDamage } from '../tcg/read-event-log.ts';
import type { ReplayedPcrs } from '../tcg/replay.ts';
import { type Html, html } from './escape.ts';

/** Marks for how far an event's words are to be trusted. */
const verdicts = { verified: '✓', mismatch: '✗', 'not-covered': '·' } as const;

/** A log register by register: values, events in words, what is odd. Everything that the log brings is escaped. */
export function eventLogHtml(
  file: EventLogFile,
  events: readonly ObservedEvent[],
  quirks: readonly LogQuirk[],
  replayed: ReplayedPcrs,
): Html {
  const bank = shownBank(file);
  const registers = [...byRegister(events)].toSorted(([a], [b]) => a - b);
  return html`${notesHtml(file, quirks)}<table class="registers"><thead><tr><th>Register</th><th>Events</th><th>${bank?.toUpperCase() ?? 'Value'}</th></tr></thead>${registers.map(
    ([index, own]) => {
      const value = bank && replayed.get(bank)?.get(index);
      const name = registerName(file.registers, index);
      return html`<tbody data-register="${name}"><tr><th scope="row">${name}</th><td><ol class="events">${own.map(eventHtml)}</ol></td><td><code>${value ? toHex(value) : ''}</code></td></tr></tbody>`;
    },
  )}</table>`;
}

/** In one pass, as a hostile log has as many registers as events. */
function byRegister(events: readonly ObservedEvent[]): Map<number, ObservedEvent[]> {
  const groups = new Map<number, ObservedEvent[]>();
  for (const each of events) {
    const group = groups.get(each.event.registerIndex);
    if (group) group.push(each);
    else groups.set(each.event.registerIndex, [each]);
  }
  return groups;
}

/** One event: what it says, its type, and whether its digest is of what it says. */
function eventHtml({ event, untrustedType, said, check }: ObservedEvent): Html {
  const details = [
    ...said.details,
    ...[...event.digests].map(([name, digest]) => `${name} ${toHex(digest)}`),
  ];
  return html`<li value="${event.index + 1}"><span class="${check.verdict}" title="${check.reason}">${verdicts[check.verdict]}</span> ${said.text} <small>${untrustedType}</small><details><summary>digests</summary>${details.map(
    (line) => html`<p><code>${line}</code></p>`,
  )}<p><small>${check.reason}</small></p></details></li>`;
}

function notesHtml({ damage, paddingBytes, kind }: EventLogFile, quirks: readonly LogQuirk[]): Html {
  const notes = quirks.map(({ text, eventIndex }) =>
    eventIndex === undefined ? text : `${text} (event ${eventIndex + 1})`,
  );
  const padding = paddingBytes > 0 ? html`, ${paddingBytes} bytes of padding` : html``;
  return html`<p>Kind of log: ${kind}${padding}. ✓ the digest is of what the event says; · it is of something else; ✗ the event says something that was not measured.</p>${
    damage ? html`<p class="error" role="alert">${describeDamage(damage)}</p>` : html``
  }${notes.length > 0 ? html`<ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>` : html``}`;
}

function shownBank({ log }: EventLogFile): HashName | undefined {
  const names = log.algorithms.map(({ name }) => name);
  return (['sha256', 'sha384', 'sha512', 'sha1'] as const).find((name) => names.includes(name));
}

import { toHex } from '../bytes/hex.ts';
import type { HashName } from '../hash.ts';
import type { PredictedEvent, Prediction, RegisterPrediction } from '../predict/prediction.ts';
import { sourceText } from '../predict/source-text.ts';
import { type Html, html } from './escape.ts';

/** A table of the registers: status, what they cover, values in one bank, and the events of each to unfold. */
export function registersHtml(prediction: Prediction, bank: HashName): Html {
  return html`<table class="registers"><thead><tr><th>Register</th><th>Status</th><th>Covers</th><th>${bank.toUpperCase()}</th></tr></thead>${prediction.registers.map(
    (register) => registerHtml(register, bank),
  )}</table>`;
}

function registerHtml(register: RegisterPrediction, bank: HashName): Html {
  const { register: name, status, reason, covers, events, values } = register;
  const value = values[bank];
  return html`<tbody class="${status}" data-register="${name}"><tr><th scope="row">${name}</th><td>${status}</td><td>${covers}<details><summary>${
    events.length === 0 ? 'why' : `why, and ${events.length} ${events.length === 1 ? 'event' : 'events'}`
  }</summary><p>${reason}</p>${eventsHtml(events, bank)}</details></td><td><code>${value ? toHex(value) : ''}</code></td></tr></tbody>`;
}

function eventsHtml(events: readonly PredictedEvent[], bank: HashName): Html {
  if (events.length === 0) return html``;
  return html`<ol class="events">${events.map((event) => {
    const digest = event.digests[bank];
    return html`<li><b>${event.eventType}</b> ${event.description}<br><code>${digest ? toHex(digest) : ''}</code><br><small>${sourceText(event.source)}; ${event.clause}; depends on ${event.dependsOn.join(', ')}</small></li>`;
  })}</ol>`;
}

import type { Explanation } from '../align/explain.ts';
import type { ObservedEvent } from '../align/observed-event.ts';
import { type EventLogFile, registerName } from '../tcg/log-file.ts';
import { type Html, html } from './escape.ts';

/** Who measured, told by the types that they use; the first that fits. */
const links: readonly { readonly name: string; readonly types: RegExp; readonly texts?: RegExp }[] = [
  {
    name: 'Firmware',
    types:
      /^EV_(S_CRTM|EFI_PLATFORM_FIRMWARE|POST_CODE|EFI_VARIABLE_DRIVER|EFI_VARIABLE_BOOT|PLATFORM_CONFIG|EFI_HANDOFF|CPU_MICROCODE|NONHOST|TABLE_OF|EFI_BOOT_SERVICES_DRIVER|EFI_RUNTIME|EFI_HCRTM|EFI_SPDM)/,
  },
  { name: 'Hand-over', types: /^EV_(SEPARATOR|EFI_GPT|EFI_VARIABLE_AUTHORITY)/ },
  { name: 'Boot', types: /^EV_EFI_ACTION|^EV_ACTION/, texts: /^"(Calling|Returning)/ },
  { name: 'Programs', types: /^EV_EFI_BOOT_SERVICES_APPLICATION/ },
  { name: 'Loader', types: /^EV_IPL/ },
  { name: 'Kernel', types: /^EV_EVENT_TAG|^EV_EFI_ACTION/ },
  { name: 'System', types: /./ },
];

/** The boot as the log tells it: a row of boxes with arrows, each with its registers, and where it parts from a prediction. */
export function observedChainHtml(
  { registers }: EventLogFile,
  events: readonly ObservedEvent[],
  explanation: Explanation | undefined,
): Html {
  const different = new Set(
    explanation?.registers.flatMap(({ rows }) =>
      rows.flatMap(({ relation, observed }) => (relation === 'equal' ? [] : (observed?.event.index ?? []))),
    ),
  );
  const boxes = links.map(({ name }) => ({
    name,
    events: events.filter((event) => event.isExtended && linkOf(event) === name),
  }));
  return html`<ol class="chain">${boxes
    .filter((box) => box.events.length > 0)
    .map((box) => {
      const names = [...new Set(box.events.map(({ event }) => registerName(registers, event.registerIndex)))];
      const wrong = box.events.filter(({ event }) => different.has(event.index)).length;
      return html`<li class="${wrong > 0 ? 'different' : 'equal'}"><h3>${box.name}</h3><p>${box.events.length} ${
        box.events.length === 1 ? 'event' : 'events'
      }</p><p>${names.slice(0, 8).join(', ')}</p>${wrong > 0 ? html`<p class="mismatch">${wrong} not as predicted</p>` : html``}</li>`;
    })}</ol>`;
}

function linkOf({ untrustedType, said }: ObservedEvent): string | undefined {
  return links.find(
    ({ types, texts }) => types.test(untrustedType) && (texts === undefined || texts.test(said.text)),
  )?.name;
}

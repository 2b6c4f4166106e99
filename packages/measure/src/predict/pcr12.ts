import { utf16z } from '../bytes/text.ts';
import { encodeTaggedEvent } from '../tcg/event-data.ts';
import type { CommandLinePart } from '../uki/command-line.ts';
import { addonInitrds, addonMicrocode, type InitrdPart } from '../uki/initrd.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import type { EventSource, PredictedEvent } from './prediction.ts';
import { archiveEvent } from './sidecar-event.ts';
import { stubInputs } from './stub-inputs.ts';

/** What PCR 12 covers. */
export const describePcr12 = (): string =>
  'What reaches the stub from outside the image: command lines, addons, credentials, configuration';

/** PCR 12: zero, unless something beside the image is passed to the stub. */
export function predictPcr12(context: PredictionContext): RegisterAnswer {
  if ('unknown' in context.stub) return { status: 'unpredictable', reason: context.stub.unknown };
  const { commandLine, archives, addons } = stubInputs(context, context.stub.value);
  const events = [
    ...commandLine.parts.map((part) => commandLineEvent(context, part)),
    ...archives.filter(({ sidecar }) => sidecar.pcr === 12).map((archive) => archiveEvent(context, archive)),
    ...addonMicrocode(addons).map((part) => addonEvent(context, 'microcode', part)),
    ...addonInitrds(addons).map((part) => addonEvent(context, 'initrd', part)),
  ];
  if (events.length === 0)
    return { status: 'predicted', reason: 'Zero: nothing beside the image is passed to the stub', events };
  return { status: 'predicted', reason: 'What is passed to the stub beside the image is known', events };
}

/** Where a part of the command line is from, and which function of src/boot/stub.c measures it. */
const commandLines = {
  'load-options': {
    source: { kind: 'machine', fact: 'load options of the image' },
    measuredBy: 'settle_command_line',
    dependsOn: ['stub', 'boot-option'],
    words: 'that is passed to the image',
  },
  addons: {
    source: { kind: 'machine', fact: 'addons beside the image' },
    measuredBy: 'cmdline_append_and_measure_addons',
    dependsOn: ['stub', 'side-files'],
    words: 'that addons bring',
  },
  smbios: {
    source: { kind: 'machine', fact: 'SMBIOS type 11 io.systemd.stub.kernel-cmdline-extra' },
    measuredBy: 'cmdline_append_and_measure_smbios',
    dependsOn: ['stub', 'smbios'],
    words: 'that SMBIOS adds',
  },
} as const satisfies Record<CommandLinePart['from'], object>;

function commandLineEvent(context: PredictionContext, { from, text }: CommandLinePart): PredictedEvent {
  const { source, measuredBy, dependsOn, words } = commandLines[from];
  const data = utf16z(text);
  return pcrEvent(context, 12, {
    stage: 'stub',
    eventType: 'EV_IPL',
    measured: [data],
    data,
    source,
    clause: `systemd src/boot/stub.c \`${measuredBy}\``,
    dependsOn,
    description: `command line "${text}" ${words}, in UTF-16 with its NUL`,
  });
}

/** Tags of the stub's events (systemd src/fundamental/tpm2-pcr.h). */
const addonTags = {
  initrd: { tag: 0x49dffe0f, measuredBy: 'measure_and_append_initrd_addons' },
  microcode: { tag: 0xdac08e1a, measuredBy: 'measure_and_append_ucode_addons' },
} as const;

function addonEvent(
  context: PredictionContext,
  kind: keyof typeof addonTags,
  { name, contents }: InitrdPart,
): PredictedEvent {
  const { tag, measuredBy } = addonTags[kind];
  const source: EventSource = { kind: 'machine', fact: `addon ${name}` };
  return pcrEvent(context, 12, {
    stage: 'stub',
    eventType: 'EV_EVENT_TAG',
    measured: [contents],
    data: encodeTaggedEvent(tag, utf16z(name)),
    source,
    clause: `systemd src/boot/stub.c \`${measuredBy}\``,
    dependsOn: ['stub', 'side-files'],
    description: `${kind} of addon "${name}", ${contents.length} bytes`,
  });
}

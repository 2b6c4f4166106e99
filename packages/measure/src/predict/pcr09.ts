import { ascii, utf16z } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { loadSection } from '../pe/section.ts';
import { encodeTaggedEvent } from '../tcg/event-data.ts';
import { servedInitrd } from '../uki/initrd.ts';
import { kernelRelease, readKernelVersion } from '../uki/kernel.ts';
import type { KnownStub, StubRules } from '../uki/rules.ts';
import { findUkiSection } from '../uki/sections.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import type { Dependency, PredictedEvent } from './prediction.ts';
import { type StubInputs, stubInputs } from './stub-inputs.ts';

/** What PCR 9 covers. */
export const describePcr09 = (): string =>
  'The kernel’s command line and initrd, as the kernel received them';

/** Tags of the kernel's EFI stub (Linux drivers/firmware/efi/libstub/efistub.h). */
const tags = {
  loadOptions: { id: 0x8f3b22ed, name: ascii('LOADED_IMAGE::LoadOptions\0') },
  initrd: { id: 0x8f3b22ec, name: ascii('Linux initrd\0') },
} as const;

const clause = 'Linux drivers/firmware/efi/libstub/efi-stub-helper.c `efi_measure_tagged_event`';

/** Both measurements are there from this kernel on; for older ones there are no rules. */
const oldestKernel = { major: 6, minor: 1 };

/** PCR 9: what the kernel's EFI stub measures before it starts: command line, then initrd. */
export function predictPcr09(context: PredictionContext): RegisterAnswer {
  if ('unknown' in context.stub) return { status: 'unpredictable', reason: context.stub.unknown };
  const rules = context.stub.value;
  const version = findKernelVersion(context, rules);
  const [major, minor] = kernelRelease(version);
  if (major < oldestKernel.major || (major === oldestKernel.major && minor < oldestKernel.minor)) {
    return {
      status: 'not-predicted',
      reason: `What the EFI stub of Linux ${version.split(' ')[0]} measures is not known; 6.1 and later are`,
    };
  }
  const inputs = stubInputs(context, rules);
  if (inputs.commandLine.consoles === undefined) {
    return {
      status: 'host-dependent',
      reason:
        'The command line names no console, so that this stub appends those that the machine has, which are not known',
    };
  }
  const isOwn = inputs.addons.length + inputs.archives.length + inputs.commandLine.parts.length === 0;
  return {
    status: 'predicted',
    reason: isOwn
      ? 'Command line and initrd are in the image; nothing beside the image adds to them'
      : 'Command line and initrd are in the image; what is added to them is known',
    events: [...loadOptions(context, inputs), ...initrd(context, rules, inputs)],
  };
}

function findKernelVersion(context: PredictionContext, rules: StubRules): string {
  const section = findUkiSection(context.pe, rules, '.linux');
  if (!section) throw new MeasureError('not-found', 'The image has no section ".linux"');
  return readKernelVersion(loadSection(context.uki, section).data);
}

/** LoadOptions as the systemd stub sets them. */
function loadOptions(context: PredictionContext, { commandLine }: StubInputs): PredictedEvent[] {
  const { text, parts, own } = commandLine;
  if (text === undefined) return []; // LoadOptionsSize is 0: nothing is measured.
  const added: Readonly<Record<(typeof parts)[number]['from'], Dependency>> = {
    'load-options': 'boot-option',
    addons: 'side-files',
    smbios: 'smbios',
  };
  return [
    pcrEvent(context, 9, {
      stage: 'kernel-start',
      eventType: 'EV_EVENT_TAG',
      measured: [utf16z(text)],
      data: encodeTaggedEvent(tags.loadOptions.id, tags.loadOptions.name),
      source: { kind: 'sections', sections: own ? ['.cmdline'] : [], length: 2 * text.length + 2 },
      clause,
      dependsOn: ['image', 'stub', 'kernel', ...new Set(parts.map(({ from }) => added[from]))],
      description: `command line "${text}" in UTF-16 with its NUL`,
    }),
  ];
}

function initrd(context: PredictionContext, rules: KnownStub, inputs: StubInputs): PredictedEvent[] {
  const served = servedInitrd(context.uki, context.pe, rules, inputs);
  if (!served) return [];
  const hasSideFiles = inputs.archives.length + inputs.addons.length > 0;
  return [
    pcrEvent(context, 9, {
      stage: 'kernel-start',
      eventType: 'EV_EVENT_TAG',
      measured: served.parts,
      data: encodeTaggedEvent(tags.initrd.id, tags.initrd.name),
      source: { kind: 'sections', sections: served.sections, length: served.length },
      clause,
      dependsOn: ['image', 'stub', 'kernel', ...(hasSideFiles ? (['side-files'] as const) : [])],
      description: `initrd of ${served.length} bytes, made of ${served.sections.join(', ')}`,
    }),
  ];
}

import { ascii, utf16z } from '../bytes/text.ts';
import { readPe } from '../pe/image.ts';
import { loadSection } from '../pe/section.ts';
import { encodeTaggedEvent } from '../tcg/event-data.ts';
import { directCommandLine } from '../tdx/command-line.ts';
import { isBzImage } from '../tdx/direct-kernel.ts';
import { kernelRelease, readKernelVersion } from '../uki/kernel.ts';
import { stubRules } from '../uki/rules.ts';
import { findUkiSection } from '../uki/sections.ts';
import { readStubVersion } from '../uki/stub.ts';
import type { Known, RegisterAnswer } from './context.ts';
import { predictPcr09 } from './pcr09.ts';
import { predictPcr11 } from './pcr11.ts';
import type { EventSource, PredictedEvent } from './prediction.ts';
import { asRtmrEvent, combine, known, type Part, rtmrEvent, type TdxContext } from './tdx-context.ts';
import type { Measurable, TdxBoot } from './tdx-machine.ts';
import { pcrContext, stubMajor, stubMeasuresToCc, whyNotStarted } from './tdx-stub.ts';

/** What RTMR 2 covers. */
export const describeRtmr2 = (): string =>
  'The image’s sections, where its stub measures them in a TD, and the kernel’s command line and initrd';

/** Mainline's EFI stub measures through EFI_CC_MEASUREMENT_PROTOCOL from this kernel on. */
const oldestKernel = { major: 6, minor: 9 };

/** RTMR 2, which stands for PCR 8 to 15. */
export function predictRtmr2(context: TdxContext): RegisterAnswer {
  const { boot, traits } = context;
  if ('unknown' in traits) return { status: 'host-dependent', reason: traits.unknown };
  const doubt: Part = {
    events: [],
    doubts: context.proven ? [] : ['This release of OVMF was not compared with a TD'],
  };
  switch (boot.kind) {
    case 'digests': {
      const events = [
        ...(boot.loadOptions
          ? [loadOptionsEvent(context, { sha384: boot.loadOptions }, 'by its digest')]
          : []),
        ...(boot.initrd ? [initrdEvent(context, { sha384: boot.initrd }, 'by its digest')] : []),
      ];
      return combine([{ events }, doubt], 'Command line and initrd are known by their digests');
    }
    case 'direct':
      return combine([predictDirect(context, boot), doubt], 'Kernel, command line and initrd are known');
    case 'disk':
      return combine(
        [...predictDisk(context, boot), doubt],
        'All that stub and kernel measure is in the image',
      );
  }
}

function predictDirect(context: TdxContext, boot: Extract<TdxBoot, { kind: 'direct' }>): Part {
  if (!isBzImage(boot.kernel)) {
    return {
      status: 'not-predicted',
      reason: 'There are no rules yet for a unified kernel image that QEMU hands over in a TD',
    };
  }
  const unmeasured = whyKernelIsUnknown(known(() => readKernelVersion(boot.kernel)));
  if (unmeasured) return unmeasured;
  const form = 'value' in context.traits ? context.traits.value.initrdArgument : 'suffix';
  const text = known(() => directCommandLine(boot.commandLine, boot.initrd !== undefined, form));
  if ('unknown' in text) return { status: 'unpredictable', reason: text.unknown };
  return {
    events: [
      ...(text.value === ''
        ? []
        : [loadOptionsEvent(context, utf16z(text.value), `"${text.value}" in UTF-16 with its NUL`)]),
      ...(boot.initrd && boot.initrd.length > 0
        ? [initrdEvent(context, boot.initrd, `${boot.initrd.length} bytes`)]
        : []),
    ],
  };
}

function predictDisk(context: TdxContext, boot: Extract<TdxBoot, { kind: 'disk' }>): Part[] {
  const major = stubMajor(boot.uki);
  if ('unknown' in major) return [{ status: 'unpredictable', reason: major.unknown }];
  const unmeasured = whyKernelIsUnknown(known(() => innerKernelVersion(boot.uki)));
  if (unmeasured) return [unmeasured];
  const pcrs = pcrContext(context, boot);
  const refused = whyNotStarted(pcrs);
  if (refused) return [refused];
  const kernel = asPart(predictPcr09(pcrs));
  if (!stubMeasuresToCc(major.value)) return [kernel];
  const sections = asPart(predictPcr11(pcrs));
  const doubts = [
    'That the stub measures the image’s sections in a TD was read in its source, not seen in one',
  ];
  return ['events' in sections ? { ...sections, doubts } : sections, kernel];
}

function asPart(answer: RegisterAnswer): Part {
  if (!('events' in answer)) return { status: answer.status, reason: answer.reason };
  return {
    events: answer.events.map(asRtmrEvent),
    doubts: answer.status === 'assumed' ? [answer.reason] : [],
  };
}

function innerKernelVersion(uki: Uint8Array): string {
  const pe = readPe(uki);
  const section = findUkiSection(pe, stubRules(readStubVersion(uki, pe).major), '.linux');
  return section ? readKernelVersion(loadSection(uki, section).data) : '';
}

/** Older kernels do it where a distribution took the change back into them. */
function whyKernelIsUnknown(version: Known<string>): Part | undefined {
  if ('unknown' in version) return { status: 'unpredictable', reason: version.unknown };
  const [major, minor] = kernelRelease(version.value);
  if (major > oldestKernel.major || (major === oldestKernel.major && minor >= oldestKernel.minor))
    return undefined;
  return {
    status: 'not-predicted',
    reason: `Whether the EFI stub of Linux ${version.value.split(' ')[0]} measures in a TD is not known; from 6.9 on it does`,
  };
}

/** Tags of the kernel's EFI stub (Linux drivers/firmware/efi/libstub/efistub.h). */
const tags = {
  loadOptions: { id: 0x8f3b22ed, name: ascii('LOADED_IMAGE::LoadOptions\0') },
  initrd: { id: 0x8f3b22ec, name: ascii('Linux initrd\0') },
} as const;

function loadOptionsEvent(context: TdxContext, measured: Measurable, what: string): PredictedEvent {
  return kernelEvent(context, measured, tags.loadOptions, `command line ${what}`, ['command-line', 'kernel']);
}

function initrdEvent(context: TdxContext, measured: Measurable, what: string): PredictedEvent {
  return kernelEvent(context, measured, tags.initrd, `initrd, ${what}`, ['image', 'kernel']);
}

function kernelEvent(
  context: TdxContext,
  measured: Measurable,
  tag: { readonly id: number; readonly name: Uint8Array },
  description: string,
  dependsOn: PredictedEvent['dependsOn'],
): PredictedEvent {
  const source: EventSource =
    measured instanceof Uint8Array
      ? { kind: 'computed', from: description.split(' ')[0] ?? '', length: measured.length }
      : { kind: 'machine', fact: description };
  return rtmrEvent(context, 2, {
    stage: 'kernel-start',
    eventType: 'EV_EVENT_TAG',
    measured,
    data: encodeTaggedEvent(tag.id, tag.name),
    source,
    clause: 'Linux drivers/firmware/efi/libstub/efi-stub-helper.c `efi_measure_tagged_event`',
    dependsOn,
    description,
  });
}

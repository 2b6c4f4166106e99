import { concatBytes } from '../bytes/writer.ts';
import { authenticodeRanges } from '../pe/authenticode.ts';
import { type PeImage, readPe } from '../pe/image.ts';
import { actions, encodeImageLoadEvent } from '../tcg/event-data.ts';
import { isBzImage, patchKernelHeader } from '../tdx/direct-kernel.ts';
import { devicePath, filePathNode } from '../uefi/device-path.ts';
import type { RegisterAnswer } from './context.ts';
import { predictPcr04 } from './pcr04.ts';
import { predictPcr05 } from './pcr05.ts';
import type { EventSource, PredictedEvent } from './prediction.ts';
import {
  asRtmrEvent,
  combine,
  known,
  missing,
  type Part,
  rtmrEvent,
  type TdxContext,
} from './tdx-context.ts';
import type { Measurable, TdxBoot } from './tdx-machine.ts';
import { separatorEvent } from './tdx-separator.ts';
import { pcrContext, whyNotStarted } from './tdx-stub.ts';
import { compareVersions } from './version.ts';

/** What RTMR 1 covers. */
export const describeRtmr1 = (): string =>
  'What is started: image and kernel, the disk’s partition table, the hand-over to the kernel';

/** RTMR 1, which stands for PCR 2 to 6. */
export function predictRtmr1(context: TdxContext): RegisterAnswer {
  const { boot, traits } = context;
  if ('unknown' in traits) return { status: 'host-dependent', reason: traits.unknown };
  const closes = traits.value.separators === 'one-each';
  const doubts = context.proven
    ? []
    : ['What this release of OVMF measures while it boots was compared with TPM logs, not with a TD'];
  const middle = closes ? [separatorEvent(context, 1, 'separators')] : [];
  const calling = action(context, 'boot-option', actions.callingApplication, 'firmware starts a boot option');
  const exits = [
    action(
      context,
      'exit-boot-services',
      actions.exitBootServicesInvocation,
      'Exit Boot Services Invocation',
    ),
    action(
      context,
      'exit-boot-services',
      actions.exitBootServicesSuccess,
      'Exit Boot Services Returned with Success',
    ),
  ];
  if (isDirect(boot)) {
    return combine(
      [predictDirectKernel(context, boot), { events: [calling, ...middle, ...exits], doubts }],
      'The kernel is known as the VMM hands it over',
    );
  }
  return combine(
    [{ events: [calling, ...middle], doubts }, predictDiskImage(context, boot), { events: exits }],
    'The image, its kernel and the disk’s partition table are known',
  );
}

function isDirect(boot: TdxBoot): boolean {
  return boot.kind === 'direct' || (boot.kind === 'digests' && boot.direct);
}

function action(
  context: TdxContext,
  stage: 'boot-option' | 'exit-boot-services',
  data: Uint8Array,
  description: string,
): PredictedEvent {
  return rtmrEvent(context, 1, {
    stage,
    eventType: 'EV_EFI_ACTION',
    measured: data,
    data,
    source: { kind: 'constant', text: String.fromCharCode(...data) },
    clause: 'edk2 OvmfPkg/Tcg/TdTcg2Dxe `TdMeasureAction`',
    dependsOn: ['firmware'],
    description,
  });
}

/** The kernel that QEMU hands over is loaded before firmware measures its boot options. */
function predictDirectKernel(context: TdxContext, boot: TdxBoot): Part {
  if (boot.kind === 'digests') {
    return {
      events: boot.applications.map((sha384, index) =>
        application(context, 'configuration', { sha384 }, 0, 0n, {
          kind: 'machine',
          fact: `application ${index + 1}, by its digest`,
        }),
      ),
    };
  }
  if (boot.kind !== 'direct') return { events: [] };
  if (!isBzImage(boot.kernel)) {
    return {
      status: 'not-predicted',
      reason: 'There are no rules yet for a unified kernel image that QEMU hands over in a TD',
    };
  }
  const served = kernelAsServed(context, boot);
  if (!('kernel' in served)) return served;
  const pe = known(() => readPe(served.kernel));
  if ('unknown' in pe) return { status: 'unpredictable', reason: pe.unknown };
  const parts = known(() => authenticodeBytes(served.kernel, pe.value));
  if ('unknown' in parts) return { status: 'unpredictable', reason: parts.unknown };
  const source: EventSource = { kind: 'image', length: served.kernel.length };
  const event = application(
    context,
    'configuration',
    parts.value,
    served.kernel.length,
    pe.value.imageBase,
    source,
  );
  return { events: [event], doubts: served.doubts };
}

/** QEMU from this version on serves the kernel unpatched beside the patched one, in `etc/boot/kernel`. */
const servesUnpatched = '10.0';
/** QEMU from this version on patches nothing in confidential guests (commit a7542a38f399). */
const neverPatches = '10.2';

function kernelAsServed(
  context: TdxContext,
  { kernel, initrd }: Extract<TdxBoot, { kind: 'direct' }>,
): Part | { readonly kernel: Uint8Array; readonly doubts: readonly string[] } {
  const { qemuVersion, memoryBytes } = context.machine;
  if (qemuVersion === undefined)
    return missing('The version of QEMU is not known, and with it whether it rewrites the kernel’s header');
  const readsUnpatched = 'value' in context.traits && context.traits.value.readsUnpatchedKernel;
  if (compareVersions(qemuVersion, neverPatches) >= 0) return { kernel, doubts: [] };
  if (readsUnpatched && compareVersions(qemuVersion, servesUnpatched) >= 0) {
    return {
      kernel,
      doubts: [
        'That this firmware takes the unpatched kernel from QEMU was seen in ordinary virtual machines, not in a TD',
      ],
    };
  }
  if (memoryBytes === undefined)
    return missing(
      'The size of RAM is not known, and with it where QEMU tells the kernel to find its initrd',
    );
  const patched = known(() => patchKernelHeader(kernel, { memoryBytes, initrdSize: initrd?.length ?? 0 }));
  if ('unknown' in patched) return { status: 'unpredictable', reason: patched.unknown };
  return {
    kernel: patched.value,
    doubts: [
      'How QEMU rewrites the kernel’s header was compared with ordinary virtual machines, not with a TD',
    ],
  };
}

function authenticodeBytes(bytes: Uint8Array, pe: PeImage): Uint8Array {
  return concatBytes(
    authenticodeRanges(pe, bytes.length).map(({ offset, length }) => bytes.subarray(offset, offset + length)),
  );
}

function application(
  context: TdxContext,
  stage: 'configuration' | 'image',
  measured: Measurable,
  length: number,
  linkTimeAddress: bigint,
  source: EventSource,
): PredictedEvent {
  return rtmrEvent(context, 1, {
    stage,
    eventType: 'EV_EFI_BOOT_SERVICES_APPLICATION',
    measured,
    data: encodeImageLoadEvent({
      location: 0n,
      length,
      linkTimeAddress,
      devicePath: devicePath(filePathNode('kernel')),
    }),
    dataIsExact: false,
    source,
    clause: 'edk2 OvmfPkg/Tcg/TdTcg2Dxe/MeasureBootPeCoff.c',
    dependsOn: ['image', 'kernel', 'vmm'],
    description: 'Authenticode digest of what is started',
  });
}

function predictDiskImage(context: TdxContext, boot: TdxBoot): Part {
  if (boot.kind === 'digests') {
    const { partitionTable, applications } = boot;
    return {
      events: [
        ...(partitionTable ? [partitionTableEvent(context, partitionTable)] : []),
        ...applications.map((sha384, index) =>
          application(context, 'image', { sha384 }, 0, 0n, {
            kind: 'machine',
            fact: `application ${index + 1}, by its digest`,
          }),
        ),
      ],
    };
  }
  if (boot.kind !== 'disk') return { events: [] };
  const pcrs = pcrContext(context, boot);
  const refused = whyNotStarted(pcrs);
  if (refused) return refused;
  // Firmware's own events stand around these already.
  const wanted: ReadonlySet<string> = new Set(['partition-table', 'image', 'kernel']);
  const answers = [predictPcr05(pcrs), predictPcr04(pcrs)].map((answer): Part => {
    if (!('events' in answer)) return { status: answer.status, reason: answer.reason };
    return { events: answer.events.filter(({ stage }) => wanted.has(stage)).map(asRtmrEvent) };
  });
  return merge(answers);
}

/** Parts one after the other, as one. */
function merge(parts: readonly Part[]): Part {
  const answer = combine(parts, '');
  if (!('events' in answer)) return { status: answer.status, reason: answer.reason };
  return { events: answer.events, doubts: answer.status === 'assumed' ? [answer.reason] : [] };
}

function partitionTableEvent(context: TdxContext, sha384: Uint8Array): PredictedEvent {
  return rtmrEvent(context, 1, {
    stage: 'partition-table',
    eventType: 'EV_EFI_GPT_EVENT',
    measured: { sha384 },
    data: new Uint8Array(0),
    dataIsExact: false,
    source: { kind: 'machine', fact: 'partition table, by its digest' },
    clause: 'PC Client Platform Firmware Profile 1.06, 10.2.5',
    dependsOn: ['partition-table'],
    description: 'partition table of the boot disk',
  });
}

import { hexNumber } from '../bytes/hex.ts';
import { MeasureError } from '../error.ts';
import { authenticodeRanges } from '../pe/authenticode.ts';
import { type PeImage, readPe } from '../pe/image.ts';
import { loadedBytes, loadSection } from '../pe/section.ts';
import { actions, encodeImageLoadEvent } from '../tcg/event-data.ts';
import { devicePath, filePathNode, hardDriveNode, vendorMediaNode } from '../uefi/device-path.ts';
import { findEsp } from '../uefi/gpt.ts';
import type { StubRules } from '../uki/rules.ts';
import { findUkiSection } from '../uki/sections.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import { attemptsBeforeImage } from './machine-boot-options.ts';
import type { PredictedEvent } from './prediction.ts';
import { separator } from './separator.ts';
import { shimLoadData } from './shim.ts';
import { type LoadedAddon, stubInputs } from './stub-inputs.ts';

/** What PCR 4 covers. */
export const describePcr04 = (): string =>
  'Boot attempts and every EFI application that is loaded: the image, its addons, its kernel';

/** Device path of the kernel that systemd-stub loads from memory (systemd src/boot/linux.c `STUB_PAYLOAD_GUID`). */
const stubPayload = '55c5d1f8-04cd-46b5-8a20-e56cbb3052d0';

/** PCR 4 of a machine that boots the image from a disk: boot attempt, separator, the image, and its kernel. */
export function predictPcr04(context: PredictionContext): RegisterAnswer {
  if ('unknown' in context.stub) return { status: 'unpredictable', reason: context.stub.unknown };
  // Whether the kernel is measured, too, may follow from it.
  if (context.secureBoot.kind === 'contradiction')
    return { status: 'host-dependent', reason: context.secureBoot.reason };
  if (context.machine.shim && context.secureBoot.kind !== 'starts')
    return { status: 'unpredictable', reason: context.secureBoot.reason };
  const rules = context.stub.value;
  const kernel = predictKernelLoad(context, rules);
  const vain = attemptsBeforeImage(context);
  if (vain === undefined) {
    const reason =
      'The variable store holds boot options, and which of them fail before the image is not known';
    return { status: 'host-dependent', reason };
  }
  const attempt = [
    callingApplication(context),
    separator(context, 4),
    ...Array.from({ length: vain }, () => [
      returningFromApplication(context),
      { ...callingApplication(context), stage: 'separators' as const },
    ]).flat(),
  ];
  // QEMU's `-kernel` is loaded before the boot manager makes its first attempt (edk2 `TryRunningQemuKernel`).
  const image = imageLoad(context);
  const { shim } = context.machine;
  const started = context.machine.qemu?.directBoot
    ? [{ ...image, stage: 'configuration' as const }, ...attempt]
    : [...attempt, ...(shim ? loadedByShim(context, shim, image) : [image])];
  const addons = stubInputs(context, rules).addons.map((addon) => addonLoad(context, addon));
  return { status: 'predicted', reason: kernel.reason, events: [...started, ...addons, ...kernel.events] };
}

function callingApplication(context: PredictionContext): PredictedEvent {
  return pcrEvent(context, 4, {
    stage: 'boot-option',
    eventType: 'EV_EFI_ACTION',
    measured: [actions.callingApplication],
    data: actions.callingApplication,
    source: { kind: 'constant', text: 'Calling EFI Application from Boot Option' },
    clause: 'PC Client Platform Firmware Profile 1.06, 10.4.4',
    dependsOn: ['firmware'],
    description: 'firmware starts a boot option',
  });
}

function returningFromApplication(context: PredictionContext): PredictedEvent {
  return pcrEvent(context, 4, {
    stage: 'separators',
    eventType: 'EV_EFI_ACTION',
    measured: [actions.returningFromApplication],
    data: actions.returningFromApplication,
    source: { kind: 'constant', text: 'Returning from EFI Application from Boot Option' },
    clause: 'PC Client Platform Firmware Profile 1.06, 10.4.4',
    dependsOn: ['firmware', 'boot-option'],
    description: 'a boot option failed',
  });
}

function imageLoad(context: PredictionContext): PredictedEvent {
  const esp = typeof context.gpt === 'object' ? findEsp(context.gpt) : undefined;
  const path = filePathNode(context.machine.imagePath ?? '\\EFI\\BOOT\\BOOTX64.EFI');
  return pcrEvent(context, 4, {
    stage: 'image',
    eventType: 'EV_EFI_BOOT_SERVICES_APPLICATION',
    measured: authenticodeParts(context.uki, context.pe),
    data: encodeImageLoadEvent({
      location: 0n,
      length: context.uki.length,
      linkTimeAddress: context.pe.imageBase,
      devicePath: esp ? devicePath(hardDriveNode(esp), path) : devicePath(path),
    }),
    dataIsExact: false,
    source: { kind: 'image', length: context.uki.length },
    clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.5; edk2 DxeTpm2MeasureBootLib',
    dependsOn: ['image'],
    description: 'Authenticode digest of the image',
  });
}

/** Firmware loads and measures the shim; the shim loads and measures the image. */
function loadedByShim(context: PredictionContext, shim: Uint8Array, image: PredictedEvent): PredictedEvent[] {
  const first = imageLoad({ ...context, uki: shim, pe: readPe(shim) });
  const source: PredictedEvent['source'] = { kind: 'machine', fact: 'shim' };
  return [
    { ...first, source, description: 'Authenticode digest of shim' },
    {
      ...image,
      stage: 'shim-image',
      data: shimLoadData,
      dataIsExact: true,
      clause: 'rhboot/shim tpm.c `tpm_log_pe`',
    },
  ];
}

/** An addon, which the stub has firmware load to have its signature checked. */
function addonLoad(context: PredictionContext, { path, bytes, pe }: LoadedAddon): PredictedEvent {
  const esp = typeof context.gpt === 'object' ? findEsp(context.gpt) : undefined;
  const file = filePathNode(path);
  return pcrEvent(context, 4, {
    stage: 'stub',
    eventType: 'EV_EFI_BOOT_SERVICES_APPLICATION',
    measured: authenticodeParts(bytes, pe),
    data: encodeImageLoadEvent({
      location: 0n,
      length: bytes.length,
      linkTimeAddress: pe.imageBase,
      devicePath: esp ? devicePath(hardDriveNode(esp), file) : devicePath(file),
    }),
    dataIsExact: false,
    source: { kind: 'machine', fact: `addon ${path}` },
    clause: 'systemd src/boot/stub.c `load_addons`; edk2 DxeTpm2MeasureBootLib',
    dependsOn: ['stub', 'side-files'],
    description: `Authenticode digest of addon "${path}"`,
  });
}

/** The inner kernel, where the stub hands it to LoadImage(). */
function predictKernelLoad(
  context: PredictionContext,
  rules: StubRules,
): { reason: string; events: PredictedEvent[] } {
  if (!rules.loadsKernelImage) {
    return { reason: 'This stub starts the kernel itself, so that only the image is measured', events: [] };
  }
  if (context.machine.secureBoot === 'on') {
    // The stub hooks the security protocol, and firmware's measurement goes with its check.
    return {
      reason: 'With Secure Boot this stub passes the kernel by firmware’s check and measurement',
      events: [],
    };
  }
  const section = findUkiSection(context.pe, rules, '.linux');
  if (!section) throw new MeasureError('not-found', 'The image has no section ".linux"');
  const kernel = loadedBytes(loadSection(context.uki, section));
  const kernelPe = readPe(kernel);
  const event = pcrEvent(context, 4, {
    stage: 'kernel',
    eventType: 'EV_EFI_BOOT_SERVICES_APPLICATION',
    measured: authenticodeParts(kernel, kernelPe),
    data: encodeImageLoadEvent({
      location: 0n,
      length: kernel.length,
      linkTimeAddress: kernelPe.imageBase,
      devicePath: devicePath(vendorMediaNode(stubPayload)),
    }),
    dataIsExact: false,
    source: {
      kind: 'section',
      section: '.linux',
      part: 'authenticode',
      offset: section.rawOffset,
      length: kernel.length,
    },
    clause: 'systemd src/boot/linux.c; edk2 DxeTpm2MeasureBootLib',
    dependsOn: ['image', 'stub', 'secure-boot'],
    description: `Authenticode digest of the kernel in section ".linux" (${hexNumber(kernel.length)} bytes)`,
  });
  return { reason: 'The image, and the kernel that this stub loads through firmware', events: [event] };
}

function authenticodeParts(bytes: Uint8Array, pe: PeImage): Uint8Array[] {
  return authenticodeRanges(pe, bytes.length).map(({ offset, length }) =>
    bytes.subarray(offset, offset + length),
  );
}

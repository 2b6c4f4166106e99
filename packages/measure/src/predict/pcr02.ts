import { authenticodeRanges } from '../pe/authenticode.ts';
import { readPe } from '../pe/image.ts';
import { encodeImageLoadEvent } from '../tcg/event-data.ts';
import { devicePath } from '../uefi/device-path.ts';
import { readOptionRomDrivers } from '../uefi/option-rom.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import type { PredictedEvent } from './prediction.ts';
import { separator } from './separator.ts';

/** What PCR 2 covers. */
export const describePcr02 = (): string => 'Drivers that firmware loads from devices (option ROMs)';

/** PCR 2: a driver for each option ROM that has one, and the separator. */
export function predictPcr02(context: PredictionContext): RegisterAnswer {
  const { optionRoms, secureBoot } = context.machine;
  if (optionRoms === undefined)
    return { status: 'host-dependent', reason: 'Whether a device brings an option ROM is not known' };
  if (optionRoms === true)
    return { status: 'host-dependent', reason: 'A device brings an option ROM, which is measured here' };
  const events = optionRoms === false ? [] : optionRoms.flatMap((rom) => driverEvents(context, rom));
  if (events.length === 0)
    return { status: 'predicted', reason: 'No device brings an option ROM', events: [separator(context, 2)] };
  if (secureBoot === 'on') {
    return {
      status: 'not-predicted',
      reason: 'There are no rules for what Secure Boot makes of the drivers in option ROMs',
    };
  }
  // The order in which firmware loads the drivers of several devices was never looked at.
  const status = events.length === 1 ? 'predicted' : 'assumed';
  const reason = 'The drivers in the devices’ option ROMs';
  return { status, reason, events: [...events, separator(context, 2)] };
}

function driverEvents(context: PredictionContext, rom: Uint8Array): PredictedEvent[] {
  return readOptionRomDrivers(rom).map((driver) => {
    const pe = readPe(driver);
    return pcrEvent(context, 2, {
      stage: 'configuration',
      eventType: 'EV_EFI_BOOT_SERVICES_DRIVER',
      measured: authenticodeRanges(pe, driver.length).map(({ offset, length }) =>
        driver.subarray(offset, offset + length),
      ),
      data: encodeImageLoadEvent({
        location: 0n,
        length: driver.length,
        linkTimeAddress: pe.imageBase,
        devicePath: devicePath(),
      }),
      dataIsExact: false,
      source: { kind: 'machine', fact: 'option ROM' },
      clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.3; edk2 PciBusDxe `ProcessOpRomImage`',
      dependsOn: ['devices', 'vmm'],
      description: `Authenticode digest of the driver in an option ROM (${driver.length} bytes unpacked)`,
    });
  });
}

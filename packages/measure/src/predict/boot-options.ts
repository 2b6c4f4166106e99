import { equalBytes } from '../bytes/compare.ts';
import { parseGuid } from '../bytes/guid.ts';
import { toHex } from '../bytes/hex.ts';
import { Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import type { BuiltInOption, OvmfRules } from '../qemu/ovmf-rules.ts';
import { devicePath, firmwareFileNode, firmwareVolumeNode } from '../uefi/device-path.ts';
import {
  bootOptionName,
  encodeLoadOption,
  type LoadOption,
  loadOptionAttributes,
  parseLoadOption,
} from '../uefi/load-option.ts';
import type { StoredBootOption } from './boot-option-variables.ts';
import type { BootDevice } from './machine.ts';

/** A variable `Boot####`. */
export interface BootOption {
  readonly name: string;
  readonly description: string;
  readonly data: Uint8Array;
}

/** The boot options of a machine, in boot order. */
export interface BootOptions {
  /** Contents of the variable `BootOrder`. */
  readonly order: Uint8Array;
  readonly options: readonly BootOption[];
}

/** Marks an option that firmware made by itself (edk2 UefiBootManagerLib BmBoot.c `mBmAutoCreateBootOptionGuid`). */
const automatic = parseGuid('8108ac4e-9f11-4d59-850e-e21a522c59b2');
/** The volume that OVMF's drivers and applications are in (edk2 OvmfPkg/*.fdf, FV.DXEFV). */
const dxeVolume = '7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1';

/** What becomes of an option that the variable store held. */
interface Stored extends StoredBootOption {
  readonly option: LoadOption;
}

/** The order in which kinds of devices are looked for: removable media, fixed media, the network (edk2 BmBoot.c `BmEnumerateBootOptions`). */
const kinds: readonly BootDevice['kind'][] = ['cdrom', 'disk', 'network'];

/**
 * What firmware makes of the options in its variable store: it takes away those of devices that are gone, adds its own
 * applications where they are missing, the devices, then the shell; each gets the lowest number that is free.
 * Where any device has a boot index, firmware connects only those that have one, in the order of their indices, and puts
 * them before everything else. An image that is handed over by `-kernel` is started before it looks for devices and
 * the shell (edk2 OvmfPkg PlatformBootManagerLib `TryRunningQemuKernel`).
 *
 * Throws `unsupported` for stored options of which it is not known whether firmware keeps them.
 */
export function predictBootOptions(
  { builtIn, shell }: OvmfRules,
  attached: readonly BootDevice[],
  directBoot = false,
  stored: readonly StoredBootOption[] = [],
): BootOptions {
  if (directBoot && stored.length > 0)
    throw unsupported('What firmware makes of stored boot options with -kernel is not known');
  const devices = directBoot ? [] : attached;
  const indexed = devices.filter(({ bootIndex }) => bootIndex !== undefined);
  const hasIndex = indexed.length > 0;
  const connected = hasIndex ? indexed.toSorted((a, b) => (a.bootIndex ?? 0) - (b.bootIndex ?? 0)) : devices;
  const found = uniqueDescriptions(
    kinds.flatMap((kind) => connected.filter((device) => device.kind === kind)),
  );
  const made = found.map((device) => ({ device, option: deviceOption(device) }));

  let all: Stored[] = stored.map((each) => ({ ...each, option: parseLoadOption(each.data) }));
  const add = (option: LoadOption): void => {
    const data = encodeLoadOption(option);
    if (all.some((each) => equalBytes(each.data, data))) return;
    all.push({ number: lowestFree(all), data, option });
  };
  // Firmware's own marks that stand for no device any more.
  const current = made.map(({ option }) => encodeLoadOption(option));
  all = all.filter(
    ({ data, option }) => !isAutomatic(option) || current.some((each) => equalBytes(each, data)),
  );
  for (const each of builtIn) add(firmwareOption(each));
  for (const { option } of made) add(option);
  if (shell && !directBoot) add(firmwareOption(shell));

  const ownData = [...builtIn, ...(shell ? [shell] : [])].map((each) =>
    encodeLoadOption(firmwareOption(each)),
  );
  for (const each of all) {
    const isKnown = [...ownData, ...current].some((data) => equalBytes(data, each.data));
    if (!isKnown && !isKept(each.option))
      throw unsupported(
        `Whether firmware keeps ${bootOptionName(each.number)} of the variable store is not known`,
      );
  }
  return encodeOptions(hasIndex ? firstByIndex(all, made) : all);
}

/** edk2 OvmfPkg QemuBootOrderLib: the devices in the order of their indices, then what is left as it was. */
function firstByIndex(
  all: readonly Stored[],
  made: readonly { device: BootDevice; option: LoadOption }[],
): Stored[] {
  const listed = made
    .toSorted((a, b) => (a.device.bootIndex ?? 0) - (b.device.bootIndex ?? 0))
    .flatMap(({ option }) => {
      const data = encodeLoadOption(option);
      return all.filter((each) => equalBytes(each.data, data));
    });
  return [...listed, ...all.filter((each) => !listed.includes(each))];
}

function encodeOptions(all: readonly Stored[]): BootOptions {
  const order = new Writer();
  for (const { number } of all) order.u16(number);
  return {
    order: order.finish(),
    options: all.map(({ number, option, data }) => ({
      name: bootOptionName(number),
      description: option.description,
      data,
    })),
  };
}

/** edk2 UefiBootManagerLib BmLoadOption.c `BmGetFreeOptionNumber`. */
function lowestFree(all: readonly Stored[]): number {
  const taken = new Set(all.map(({ number }) => number));
  let number = 0;
  while (taken.has(number)) number++;
  return number;
}

function isAutomatic({ optionalData }: LoadOption): boolean {
  return equalBytes(optionalData, automatic);
}

/** Type and sub-type of a file's node: the file may be on any file system (UEFI 2.11, 10.3.5.4). */
const filePath = [4, 4] as const;

/** Others were never looked at: options of other volumes, partitions, inactive ones. */
function isKept({ attributes, path }: LoadOption): boolean {
  return attributes === loadOptionAttributes.active && path[0] === filePath[0] && path[1] === filePath[1];
}

function firmwareOption({ description, attributes, file }: BuiltInOption): LoadOption {
  const path = devicePath(firmwareVolumeNode(dxeVolume), firmwareFileNode(file));
  return { description, attributes, path, optionalData: new Uint8Array(0) };
}

function deviceOption({ description, path }: BootDevice): LoadOption {
  return { description, attributes: loadOptionAttributes.active, path, optionalData: automatic };
}

/** The second device of a description gets ` 2` at its end, and so on (edk2 `BmMakeBootOptionDescriptionUnique`). */
function uniqueDescriptions(devices: readonly BootDevice[]): BootDevice[] {
  const counts = new Map<string, number>();
  return devices.map((device) => {
    const count = (counts.get(device.description) ?? 0) + 1;
    counts.set(device.description, count);
    return count === 1 ? device : { ...device, description: `${device.description} ${count}` };
  });
}

function unsupported(message: string): MeasureError {
  return new MeasureError('unsupported', message);
}

/**
 * How many options firmware tries in vain before the first device: those that stand before it and lead to a file that
 * is not there.
 */
export function failingAttempts({ options }: BootOptions, devices: readonly BootDevice[]): number {
  const names = new Set(devices.map((device) => toHex(encodeLoadOption(deviceOption(device)))));
  const first = options.findIndex(({ data }) => names.has(toHex(data)));
  const before = options.slice(0, Math.max(first, 0)).map(({ data }) => parseLoadOption(data));
  return before.filter(({ attributes }) => (attributes & loadOptionAttributes.categoryApp) === 0).length;
}

import { parseGuid } from '../bytes/guid.ts';
import { Writer } from '../bytes/writer.ts';
import type { BuiltInOption, OvmfRules } from '../qemu/ovmf-rules.ts';
import { devicePath, firmwareFileNode, firmwareVolumeNode } from '../uefi/device-path.ts';
import {
  bootOptionName,
  encodeLoadOption,
  type LoadOption,
  loadOptionAttributes,
} from '../uefi/load-option.ts';
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

interface Numbered {
  readonly number: number;
  readonly option: LoadOption;
  readonly bootIndex?: number | undefined;
}

/** The order in which kinds of devices are looked for: removable media, fixed media, the network (edk2 BmBoot.c `BmEnumerateBootOptions`). */
const kinds: readonly BootDevice['kind'][] = ['cdrom', 'disk', 'network'];

/**
 * What firmware makes of an empty variable store: its own applications, the devices, the shell, numbered in that
 * order. Where any device has a boot index, firmware connects only those that have one, in the order of their indices,
 * and puts them before everything else. An image that is handed over by `-kernel` is started before it looks for
 * devices and the shell (edk2 OvmfPkg PlatformBootManagerLib `TryRunningQemuKernel`).
 */
export function predictBootOptions(
  { builtIn, shell: ownShell }: OvmfRules,
  attached: readonly BootDevice[],
  directBoot = false,
): BootOptions {
  const devices = directBoot ? [] : attached;
  const shell = directBoot ? undefined : ownShell;
  const indexed = devices.filter(({ bootIndex }) => bootIndex !== undefined);
  const hasIndex = indexed.length > 0;
  const connected = hasIndex ? indexed.toSorted((a, b) => (a.bootIndex ?? 0) - (b.bootIndex ?? 0)) : devices;
  const found = kinds.flatMap((kind) => connected.filter((device) => device.kind === kind));
  const all: Numbered[] = [
    ...builtIn.map((each) => ({ option: firmwareOption(each) })),
    ...uniqueDescriptions(found).map((device) => ({
      option: deviceOption(device),
      bootIndex: device.bootIndex,
    })),
    ...(shell ? [{ option: firmwareOption(shell) }] : []),
  ].map((each, number) => ({ ...each, number }));

  const last = Number.POSITIVE_INFINITY;
  const ordered = hasIndex ? all.toSorted((a, b) => (a.bootIndex ?? last) - (b.bootIndex ?? last)) : all;
  const order = new Writer();
  for (const { number } of ordered) order.u16(number);
  return {
    order: order.finish(),
    options: ordered.map(({ number, option }) => ({
      name: bootOptionName(number),
      description: option.description,
      data: encodeLoadOption(option),
    })),
  };
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

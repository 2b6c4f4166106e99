import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine, MachineDescription } from '@altee/measure';
import type { Root } from '../executor/executor.ts';

/** QEMU's folders for the option ROMs of network cards (`qemu-system-x86_64 -L help`). */
const ROM_FOLDERS = ['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu'];
/** Their names by model (QEMU hw/net, `romfile`). */
const ROM_FILES: Readonly<Record<string, string>> = {
  'virtio-net-pci': 'efi-virtio.rom',
  e1000: 'efi-e1000.rom',
  e1000e: 'efi-e1000e.rom',
  rtl8139: 'efi-rtl8139.rom',
};

/** SMBIOS type 11 text that systemd-stub appends to the command line. */
const SMBIOS_COMMAND_LINE = 'value=io.systemd.stub.kernel-cmdline-extra=';

/**
 * What of a described machine reaches firmware and stub beside what QEMU computes: option ROMs, from the root that holds
 * QEMU (`true` where a card has one that is not there), and command lines from outside the image.
 */
export async function describedMachine(
  { devices, smbios = [], directBoot }: MachineDescription,
  root: Root,
): Promise<Pick<Machine, 'optionRoms' | 'smbiosCommandLine' | 'loadOptions'>> {
  const cards = devices.filter((device) => device.kind === 'network');
  const models = cards.filter(({ optionRom }) => optionRom).map(({ model }) => model);
  const roms = await Promise.all(models.map((model) => readOptionRom(root, model)));
  const text = smbios
    .flatMap((value) => value.split(','))
    .find((part) => part.startsWith(SMBIOS_COMMAND_LINE));
  return {
    optionRoms: roms.every((rom) => rom !== undefined) ? roms : true,
    smbiosCommandLine: text?.slice(SMBIOS_COMMAND_LINE.length),
    loadOptions: directBoot?.commandLine,
  };
}

async function readOptionRom(root: Root, model: string): Promise<Uint8Array | undefined> {
  const name = ROM_FILES[model];
  if (name === undefined) return undefined;
  for (const folder of ROM_FOLDERS) {
    const file = await readFile(join(root.path, folder, name)).catch(() => undefined);
    if (file) return new Uint8Array(file);
  }
  return undefined;
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findBootImage,
  type KernelFacts,
  type Machine,
  ovmfRules,
  type Prediction,
  predictTpm,
  type QemuMachine,
  qemuMachine,
} from '@altee/measure';
import { nativeHasher } from '../../packages/builder/src/platform/native-hasher.ts';
import { captureMachine } from '../../packages/builder/src/qemu/capture.ts';
import type { Configuration, Firmware, FirmwareBuild } from './configurations.ts';
import type { Kernel } from './images.ts';
import type { Prepared } from './prepare.ts';

/** Primary header and entries of the partition table end before this. */
const DISK_HEAD_BYTES = 64 * 512;
/** Stores in which no key is enrolled, so that Secure Boot is off. */
const WITHOUT_KEYS: ReadonlySet<string> = new Set(['empty', 'boot-entry', 'boot-entries']);
/** Debian's 2022.11 enforces it in its plain build, too. */
const knowsSecureBoot = (version: Firmware, build: FirmwareBuild): boolean =>
  build !== 'plain' || version === '2022.11';
/** By the kernels' configurations: `CONFIG_IMA`, `CONFIG_IMA_DEFAULT_TEMPLATE`, `CONFIG_CRYPTO_SHA512`. */
const IMA = {
  altee: false,
  '6.1': { template: 'ima-sig', hashes: ['sha1', 'sha256'] },
  '6.12': { template: 'ima-sig', hashes: ['sha1', 'sha256', 'sha384', 'sha512'] },
  '7.2': { template: 'ima-sig', hashes: ['sha1', 'sha256', 'sha384', 'sha512'] },
} as const satisfies Record<Kernel, KernelFacts['ima']>;
const SMBIOS_COMMAND_LINE = 'io.systemd.stub.kernel-cmdline-extra=';

/** All that is known of a configuration before it is booted, and what follows from it. */
export async function predict(configuration: Configuration, prepared: Prepared): Promise<Prediction> {
  const kernel = { ima: IMA[configuration.image.kernel] };
  return predictTpm(
    { uki: prepared.image, machine: await machineOf(configuration, prepared), kernel },
    nativeHasher,
  );
}

async function machineOf(configuration: Configuration, prepared: Prepared): Promise<Machine> {
  const { firmware, disk } = prepared;
  const { store, build, machine, firmware: version } = configuration;
  const imagePath = `\\${configuration.imagePath.replaceAll('/', '\\')}`;
  return {
    disk: configuration.layout === 'gpt' ? disk?.slice(0, DISK_HEAD_BYTES) : 'unpartitioned',
    imagePath,
    secureBoot: WITHOUT_KEYS.has(store) || !knowsSecureBoot(version, build) ? 'off' : 'on',
    shim: prepared.shim,
    optionRoms: await optionRoms(prepared),
    smbiosCommandLine: smbiosCommandLine(machine.smbios ?? []),
    // Read back from the disk, as "altee measure" does it.
    sideFiles: disk && findBootImage(disk, imagePath).sideFiles,
    loadOptions: machine.directBoot?.commandLine,
    firmware: {
      codeSha256: sha256(firmware.code),
      varsSha256: sha256(firmware.variables),
      code: firmware.code,
      vars: firmware.variables,
    },
    qemu: await qemuOf(prepared),
  };
}

/** What QEMU hands to the firmware, read out of a machine that is held before its first instruction. */
async function qemuOf({ root, machine, firmware, paths }: Prepared): Promise<QemuMachine | undefined> {
  const rules = ovmfRules(sha256(firmware.code));
  if (!rules) return undefined;
  const { code, variables } = paths;
  const handoff = await captureMachine({ root, description: machine, firmware: { code, variables }, rules });
  return qemuMachine(machine, handoff);
}

/** QEMU's files for network cards, which it looks for in these folders (`-L help`). */
const ROM_FOLDERS = ['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu'];
const ROM_FILES: Readonly<Record<string, string>> = {
  'virtio-net-pci': 'efi-virtio.rom',
  e1000: 'efi-e1000.rom',
  e1000e: 'efi-e1000e.rom',
  rtl8139: 'efi-rtl8139.rom',
};

async function optionRoms({ machine, root }: Prepared): Promise<Uint8Array[]> {
  const cards = machine.devices.filter((device) => device.kind === 'network' && device.optionRom);
  return await Promise.all(
    cards.map(async (card) => {
      const name = 'model' in card ? ROM_FILES[card.model] : undefined;
      if (name === undefined) throw new Error('A network card whose option ROM is not known');
      for (const folder of ROM_FOLDERS) {
        const file = await readFile(join(root.path, folder, name)).catch(() => undefined);
        if (file) return new Uint8Array(file);
      }
      throw new Error(`QEMU has no "${name}"`);
    }),
  );
}

function smbiosCommandLine(values: readonly string[]): string | undefined {
  const texts = values.flatMap((value) => value.split(',').filter((part) => part.startsWith('value=')));
  const found = texts.find((text) => text.startsWith(`value=${SMBIOS_COMMAND_LINE}`));
  return found?.slice(`value=${SMBIOS_COMMAND_LINE}`.length);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

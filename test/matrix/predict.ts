import { createHash } from 'node:crypto';
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
import { describedMachine } from '../../packages/builder/src/platform/described-machine.ts';
import { nativeHasher } from '../../packages/builder/src/platform/native-hasher.ts';
import { unpackFirmware } from '../../packages/builder/src/platform/unpacked-firmware.ts';
import { captureMachine } from '../../packages/builder/src/qemu/capture.ts';
import type { Store } from '../../packages/builder/src/store/store.ts';
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

/** All that is known of a configuration before it is booted, and what follows from it. */
export async function predict(
  configuration: Configuration,
  prepared: Prepared,
  store: Store,
): Promise<Prediction> {
  await unpackFirmware(store, prepared.firmware.code);
  const kernel = { ima: IMA[configuration.image.kernel] };
  return predictTpm(
    { uki: prepared.image, machine: await machineOf(configuration, prepared), kernel },
    nativeHasher,
  );
}

async function machineOf(configuration: Configuration, prepared: Prepared): Promise<Machine> {
  const { firmware, disk } = prepared;
  const { store, build, firmware: version } = configuration;
  const imagePath = `\\${configuration.imagePath.replaceAll('/', '\\')}`;
  return {
    disk: configuration.layout === 'gpt' ? disk?.slice(0, DISK_HEAD_BYTES) : 'unpartitioned',
    imagePath,
    secureBoot: WITHOUT_KEYS.has(store) || !knowsSecureBoot(version, build) ? 'off' : 'on',
    shim: prepared.shim,
    ...(await describedMachine(prepared.machine, prepared.root)),
    // Read back from the disk, as "altee measure" does it.
    sideFiles: disk && findBootImage(disk, imagePath).sideFiles,
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

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type KernelFacts, type Machine, ovmfRules, type QemuMachine, qemuMachine } from '@altee/measure';
import { cachedCapture } from '../qemu/cached-capture.ts';
import { lockedMachine, qemuVersion } from '../qemu/locked-machine.ts';
import { checkFileInPackage } from '../root-file.ts';
import { makeVariableStore, readSecureBootKeys } from '../secure-boot/variable-store.ts';
import { cachedPrediction } from './cached-prediction.ts';
import { describedMachine } from './described-machine.ts';
import { kernelFacts } from './kernel-facts.ts';
import { imageSha256, type MeasuredImage } from './measured-image.ts';
import { readPinnedFile } from './pinned-file.ts';
import type { PlatformContext, PlatformPredictor } from './platform.ts';
import { predictBanks } from './predict-banks.ts';
import { unpackFirmware } from './unpacked-firmware.ts';

/** Four times the largest OVMF. */
const FIRMWARE_BYTES = 16 * 2 ** 20;

/**
 * QEMU with OVMF and a TPM 2.0: PCR 0 to 15. Unpacking and hashing the firmware takes long, so it is done once; without a
 * firmware there is no more to do than for the key of a cache.
 */
export const predictQemuTpm: PlatformPredictor = async (context, image) => {
  const kernel = kernelFacts(image);
  const predict = async () =>
    predictBanks({ uki: image.uki, machine: await machineOf(context, image), kernel });
  const { platform, lock, name, workshop } = context;
  if (platform.firmware === 'debian' && !lock.platforms[name]) return predict();
  return cachedPrediction(workshop.store, await factsOf(context, image, kernel), predict);
};

/** All that the prediction follows from. The roots are what their digests in the lock say. */
async function factsOf(
  { name, platform, lock, folder, network }: PlatformContext,
  image: MeasuredImage,
  kernel: KernelFacts,
): Promise<Readonly<Record<string, unknown>>> {
  const { secureBoot } = platform;
  const keys = secureBoot === 'off' ? undefined : await readSecureBootKeys(folder, secureBoot);
  const sha256 = (bytes: Uint8Array | undefined) => bytes && createHash('sha256').update(bytes).digest('hex');
  return {
    platform,
    network: network ?? 'unknown',
    kernel,
    firmware: lock.platforms[name]?.firmware,
    root: lock.roots['platform']?.digest,
    qemu: qemuVersion(lock),
    keys: keys && Object.entries(keys).map(([variable, bytes]) => [variable, sha256(bytes)]),
    uki: imageSha256(image.uki),
    disk: sha256(image.diskHead),
    sideFiles: Object.entries(image.sideFiles ?? {}).map(([path, bytes]) => [path, sha256(bytes)]),
  };
}

async function machineOf(context: PlatformContext, image: MeasuredImage): Promise<Machine> {
  return {
    disk: image.diskHead,
    sideFiles: image.sideFiles,
    secureBoot: context.platform.secureBoot === 'off' ? 'off' : 'on',
    ...(await describedParts(context)),
    ...(await firmwareOf(context)),
  };
}

/** What reaches the image past QEMU's own tables, by the description of the machine. */
async function describedParts({
  platform,
  lock,
  network,
  roots,
}: PlatformContext): Promise<Partial<Machine>> {
  const description = lockedMachine(lock, platform, network);
  // altee's machine has no option ROM: its one network card is started with an empty romfile.
  if (!description) return platform.command === undefined ? { optionRoms: false } : {};
  return describedMachine(description, await roots.get('platform'));
}

/** The firmware, and what QEMU hands to it: of a firmware file of the user's own, its bytes alone. */
async function firmwareOf(
  context: PlatformContext,
): Promise<Pick<Machine, 'firmware' | 'qemu' | 'secureBootVariables'>> {
  const { platform, name, lock, roots, folder, workshop } = context;
  const { firmware, secureBoot } = platform;
  const locked = lock.platforms[name]?.firmware;
  if (firmware !== 'debian' || !locked) {
    const keys = secureBoot === 'off' ? undefined : await readSecureBootKeys(folder, secureBoot);
    const secureBootVariables = keys && { secureBootVariables: keys };
    if (firmware === 'debian') return { ...secureBootVariables };
    const code = await readPinnedFile(folder, firmware, 'firmware', FIRMWARE_BYTES);
    await unpackFirmware(workshop.store, code);
    return { firmware: { code, codeSha256: hex(firmware.sha256) }, ...secureBootVariables };
  }
  const root = await roots.get('platform');
  const codeFile = await checkFileInPackage(root, locked.code);
  const variables = await checkFileInPackage(root, locked.vars);
  const code = new Uint8Array(await readFile(codeFile));
  await unpackFirmware(workshop.store, code);
  const empty = new Uint8Array(await readFile(variables));
  const vars = secureBoot === 'off' ? empty : await makeVariableStore(folder, secureBoot, empty);
  return {
    firmware: {
      codeSha256: hex(locked.code.sha256),
      varsSha256: createHash('sha256').update(vars).digest('hex'),
      code,
      vars,
    },
    qemu: await qemuOf(context, { code: codeFile, variables }),
  };
}

async function qemuOf(
  { platform, name, lock, roots, workshop, network }: PlatformContext,
  firmware: { code: string; variables: string },
): Promise<QemuMachine | undefined> {
  const codeSha256 = hex(lock.platforms[name]?.firmware.code.sha256 ?? '');
  const rules = ovmfRules(codeSha256);
  const description = lockedMachine(lock, platform, network);
  if (!rules || !description) return undefined;
  const handoff = await cachedCapture({
    root: await roots.get('platform'),
    store: workshop.store,
    description,
    firmware,
    codeSha256,
    rules,
    ...(workshop.signal ? { signal: workshop.signal } : {}),
  });
  return qemuMachine(description, handoff);
}

function hex(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

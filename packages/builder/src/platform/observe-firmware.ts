import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Prediction, withFirmwareRun } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { lockedMachine } from '../qemu/locked-machine.ts';
import { checkFileInPackage } from '../root-file.ts';
import { runFirmware } from '../run/firmware-run.ts';
import { withRunFolder } from '../run/run-folder.ts';
import { makeVariableStore } from '../secure-boot/variable-store.ts';
import { nativeHasher } from './native-hasher.ts';
import type { PlatformContext } from './platform.ts';

const DISK_BYTES = 16 * 2 ** 20;

/**
 * The prediction with what a run of the locked firmware alone gives, where no static answer exists. The machine is
 * the platform's, with an empty disk: whether there is one matters to some builds, what it holds to none, and so the
 * image is not even there.
 *
 * Throws `invalid-input` for a platform whose machine is not altee's own or not known, and what `runFirmware` throws.
 */
export async function observeFirmware(context: PlatformContext, prediction: Prediction): Promise<Prediction> {
  const { platform, name, lock, roots, folder, network, workshop } = context;
  const locked = lock.platforms[name]?.firmware;
  const description = network === undefined ? undefined : lockedMachine(lock, platform, network);
  if (platform.firmware !== 'debian' || !locked || !description) {
    throw new BuilderError('invalid-input', `The firmware of platform "${name}" can't be run alone`, {
      hint: 'Give the manifest whose lock pins firmware and QEMU of the platform',
    });
  }
  const root = await roots.get('platform');
  const code = await checkFileInPackage(root, locked.code);
  const empty = new Uint8Array(await readFile(await checkFileInPackage(root, locked.vars)));
  const { secureBoot } = platform;
  const store = secureBoot === 'off' ? empty : await makeVariableStore(folder, secureBoot, empty);
  return await withRunFolder(async (temporary) => {
    const variables = join(temporary, 'variables.fd');
    const disk = join(temporary, 'empty.disk');
    await writeFile(variables, store);
    await writeFile(disk, '');
    await truncate(disk, DISK_BYTES);
    const { firmware } = await runFirmware({
      root,
      description,
      accelerator: 'tcg',
      firmware: { code, variables },
      disks: [disk],
      banks: prediction.banks,
      reporter: workshop.reporter,
      ...(workshop.signal ? { signal: workshop.signal } : {}),
    });
    return withFirmwareRun(prediction, firmware, nativeHasher);
  });
}

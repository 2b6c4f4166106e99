import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { qemuArguments } from '@altee/measure';
import { silentReporter } from '../../packages/builder/src/report.ts';
import { type FirmwareRun, runFirmware } from '../../packages/builder/src/run/firmware-run.ts';
import { cachedJson } from '../../packages/builder/src/store/cached-json.ts';
import type { Store } from '../../packages/builder/src/store/store.ts';
import { type Boot, boot } from './boot.ts';
import type { Prepared } from './prepare.ts';

/** A boot that may be taken from its record in the store. */
export interface RecordedBoot extends Boot {
  readonly isRecorded: boolean;
}

/** Longer than the slowest boot on a busy machine. */
const BOOT_SECONDS = 150;

/**
 * Boots, or takes the record of the same boot: the same root, arguments, firmware, variables, disks and kernel, bit for
 * bit, run and read by the same code. What did not reach its kernel, or was not understood whole, is not recorded.
 * `again` boots in any case, and changes no record.
 */
export async function recordedBoot(
  store: Store,
  prepared: Prepared,
  options: { readonly untilIma: boolean; readonly again: boolean },
): Promise<RecordedBoot> {
  const { root, machine, paths } = prepared;
  const { untilIma, again } = options;
  const run = () =>
    boot({
      root,
      machine,
      firmware: { code: paths.code, variables: paths.variables },
      disks: paths.disks,
      kernel: paths.kernel,
      untilIma,
      seconds: BOOT_SECONDS,
    });
  if (again) return { ...(await run()), isRecorded: false };
  let fresh: Boot | undefined;
  try {
    const facts = { untilIma, ...(await factsOf(prepared)) };
    const known = await cachedJson(store, 'matrix-boot', facts, async () => {
      fresh = await run();
      if (!fresh.kernelStarted || fresh.tpm.uninterpreted.length > 0) throw new NotRecordable();
      return fresh;
    });
    return { ...known, isRecorded: fresh === undefined };
  } catch (error) {
    if (!(error instanceof NotRecordable) || !fresh) throw error;
    return { ...fresh, isRecorded: false };
  }
}

/** A run of the firmware alone, or its record. */
export async function recordedFirmwareRun(
  store: Store,
  prepared: Prepared,
  again: boolean,
): Promise<FirmwareRun> {
  const { root, machine, paths } = prepared;
  const run = () =>
    runFirmware({
      root,
      description: machine,
      accelerator: 'tcg',
      firmware: { code: paths.code, variables: paths.variables },
      disks: paths.disks,
      kernel: paths.kernel,
      reporter: silentReporter,
    });
  return again ? run() : cachedJson(store, 'matrix-firmware', await factsOf(prepared), run);
}

class NotRecordable extends Error {}

/** Everything that a boot follows from: what is booted, and the code that boots it and reads the TPM's log. */
async function factsOf({ root, machine, paths }: Prepared): Promise<Record<string, unknown>> {
  const files = [paths.code, paths.variables, ...paths.disks, ...(paths.kernel ? [paths.kernel] : [])];
  const args = qemuArguments(machine, {
    accelerator: 'tcg',
    firmwareCode: 'code',
    firmwareVariables: 'variables',
    tpmSocket: 'tpm',
    disks: paths.disks.map((_, index) => `disk${index}`),
    kernel: 'kernel',
    serial: [],
    qmpSocket: 'qmp',
  });
  return {
    root: root.digest,
    args,
    files: await Promise.all(files.map(sha256OfFile)),
    code: await codeDigest(),
  };
}

async function sha256OfFile(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) digest.update(chunk);
  return digest.digest('hex');
}

let code: Promise<string> | undefined;

function codeDigest(): Promise<string> {
  code ??= (async () => {
    const folder = fileURLToPath(new URL('../../packages/builder/src/run/', import.meta.url));
    const names = (await readdir(folder)).toSorted().map((name) => `${folder}${name}`);
    const digest = createHash('sha256');
    for (const path of [fileURLToPath(new URL('./boot.ts', import.meta.url)), ...names])
      digest.update(await readFile(path)).update('\0');
    return digest.digest('hex');
  })();
  return code;
}

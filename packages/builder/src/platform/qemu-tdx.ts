import { readFile } from 'node:fs/promises';
import { MeasureError, predictTdx, retargetAcpiTables, type TdxAcpi, type TdxMachine } from '@altee/measure';
import { checkFileInPackage } from '../root-file.ts';
import { kernelFacts } from './kernel-facts.ts';
import { nativeHasher } from './native-hasher.ts';
import { readPinnedFile } from './pinned-file.ts';
import type { PlatformContext, PlatformPredictor } from './platform.ts';
import { readTdxLog, registerBytes } from './tdx-facts.ts';

/** Four times the largest OVMF. */
const FIRMWARE_BYTES = 16 * 2 ** 20;
/** QEMU's limit (ACPI_BUILD_TABLE_MAX_SIZE). */
const TABLES_BYTES = 2 * 2 ** 20;

/**
 * QEMU with TDX: MRTD and RTMR 0 to 3. The lock's QEMU is older than TDX and cannot say what a newer one gives to a TD:
 * ACPI tables are copied from such a machine (`tdx.acpiTables`), or all that the VMM gives is taken from an event log of it
 * (`log`).
 */
export const predictQemuTdx: PlatformPredictor = async (context, image) => {
  const { platform, folder } = context;
  const { qemu, mrtdOrder, release, mrtd, acpiTables } = platform.tdx;
  const facts = await readTdxLog(context);
  const file = await firmwareOf(context);
  const tables = acpiTables && (await readPinnedFile(folder, acpiTables, 'ACPI tables', TABLES_BYTES));
  const machine: TdxMachine = {
    vmm: 'qemu',
    qemuVersion: qemu,
    memoryBytes: platform.memoryBytes,
    firmware: { file, release, mrtd: registerBytes(mrtd) },
    mrtdOrder,
    acpi: tables ? acpiFor(tables, platform) : facts?.acpi,
    smbios: facts?.smbios,
    fwCfg: facts?.fwCfg,
    bootVariables: facts?.bootVariables,
  };
  return predictTdx(
    { machine, boot: { kind: 'disk', uki: image.uki, disk: image.diskHead }, kernel: kernelFacts(image) },
    nativeHasher,
  );
};

/** The copied tables, made those of this platform's vCPUs and RAM. */
function acpiFor(tables: Uint8Array, { vcpus, memoryBytes }: PlatformContext['platform']): TdxAcpi {
  try {
    return { tables: retargetAcpiTables(tables, { vcpus, memoryBytes }), from: 'td' };
  } catch (cause) {
    if (!(cause instanceof MeasureError)) throw cause;
    return { tables, from: { doubt: `The ACPI tables are taken as they were copied: ${cause.message}` } };
  }
}

/** `undefined` when the lock pins none: nothing is known of the platform's firmware then. */
async function firmwareOf({
  name,
  platform,
  folder,
  lock,
  roots,
}: PlatformContext): Promise<Uint8Array | undefined> {
  if (platform.firmware !== 'debian')
    return readPinnedFile(folder, platform.firmware, 'firmware', FIRMWARE_BYTES);
  const locked = lock.platforms[name]?.firmware.code;
  if (!locked) return undefined;
  return new Uint8Array(await readFile(await checkFileInPackage(await roots.get('platform'), locked)));
}

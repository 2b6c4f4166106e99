import { toHex } from '../../bytes/hex.ts';
import { type Cause, type CauseContext, type CauseRule, findRows, likely, proven, typeOf } from '../cause.ts';
import { machineFromTables } from './machine.ts';

/**
 * SHA-256 of firmware volumes as they lie in memory, by build: Debian's packages, from the logs of real boots. The
 * volume of drivers is the file's; the one of early code is, too, where the build patches nothing in it.
 */
const knownVolumes: Readonly<Record<string, string>> = {
  '82a0445201cb49945461acc6ed78426700fb7e92819862edc55ba3ad4559b135': 'Debian OVMF 2022.11',
  '450136d3f01290a89f67a4ecc0e3f8a9d16f49e9eb4e17c4cacdffdeea32f806': 'Debian OVMF 2025.02',
  '7aad15bf592e8ebe437b48d49fde223385d8b649821d4026aba079250d009d23': 'Debian OVMF 2026.08',
  a644ed209b188dd428ea3e15c0b1dbbc1ad05d406bb2857cac4a73b98d0b6b4f: 'Debian OVMF 2022.11, Secure Boot build',
  '8e61460f5088f6ed97e3f28cad67a193d19b210b376bc254e283544b30957bca':
    'Debian OVMF 2025.02, Secure Boot build',
  bb17345bd6a81c2b5a7146721b14aca295f6273c712232db65d6933ffef2039d: 'Debian OVMF 2026.08, Secure Boot build',
};

/** Version and volumes of the firmware. */
export const firmwareCause: CauseRule = ({ row }, context) => {
  const type = typeOf(row);
  if (type === 'EV_S_CRTM_VERSION' || type === 'EV_S_CRTM_CONTENTS') return version(row, context);
  if (/^EV_EFI_PLATFORM_FIRMWARE_BLOB2?$|^EV_POST_CODE2?$/.test(type)) return volume(row, context);
  return undefined;
};

/** Events that the predicted firmware would not measure, or would, where the log shows that it is another one. */
export const otherFirmwareCause: CauseRule = ({ row }, context) => {
  if (row.relation === 'changed' || row.relation === 'equal' || !isFirmwareType.test(typeOf(row)))
    return undefined;
  const changed = findRows(
    context,
    (each) => each.relation !== 'equal' && typeOf(each) === 'EV_S_CRTM_VERSION',
  );
  if (changed.length === 0 && knownBuild(context) === undefined) return undefined;
  return likely(
    'firmware',
    'The firmware is another one, as its version or volumes show, and measures other things',
  );
};

const isFirmwareType =
  /^EV_(PLATFORM_CONFIG_FLAGS|EFI_HANDOFF|NONHOST|EFI_VARIABLE|CPU_MICROCODE|TABLE_OF_DEVICES)/;

function version({ observed }: Parameters<CauseRule>[0]['row'], context: CauseContext): Cause {
  const known = knownBuild(context);
  if (known) return proven('firmware', `The firmware is ${known}, and not the one that was predicted for`);
  const said = observed?.said.text ?? 'firmware that names no version';
  return (observed?.check.verdict === 'verified' ? proven : likely)('firmware', `Other firmware: ${said}`);
}

function volume(
  { predicted, observed, relation }: Parameters<CauseRule>[0]['row'],
  context: CauseContext,
): Cause {
  if (/CFV|variables/i.test(predicted?.description ?? ''))
    return likely(
      'firmware-variables',
      'The firmware’s volume of variables holds other contents than the file brings along',
    );
  const known = knownBuild(context);
  if (known) return proven('firmware', `The firmware is ${known}, and not the one that was predicted for`);
  if (relation !== 'changed')
    return likely('firmware', `Other firmware: ${observed?.said.text ?? 'a volume is not measured'}`);
  const volumes = findRows(context, (row) => typeOf(row).startsWith('EV_EFI_PLATFORM_FIRMWARE_BLOB'));
  const changed = volumes.filter((row) => row.relation !== 'equal');
  const sameVersion =
    findRows(context, (row) => typeOf(row) === 'EV_S_CRTM_VERSION' && row.relation === 'equal').length > 0;
  // Early code notes facts of the machine inside its own volume; the drivers' volume is never touched.
  if (
    sameVersion &&
    changed.length === 1 &&
    volumes.length > 1 &&
    changed[0]?.predicted === volumes[0]?.predicted
  ) {
    const machine = machineFromTables(context);
    if (machine)
      return likely(machine.code, `${machine.text}; early firmware notes such facts in its own volume`);
    return likely(
      'ram',
      'Only the volume of early code differs: it holds facts of the machine (RAM size, processors, device list)',
    );
  }
  return likely('firmware', 'The firmware is of another build than predicted, or was changed');
}

/** The build that the log's volumes belong to, where it is not what was predicted. */
function knownBuild(context: CauseContext): string | undefined {
  const builds = findRows(
    context,
    ({ relation, observed }) => relation !== 'equal' && observed !== undefined,
  ).flatMap(({ observed }) => {
    const digest = observed?.event.digests.get('sha256');
    const hex = digest ? toHex(digest) : '';
    return Object.hasOwn(knownVolumes, hex) ? (knownVolumes[hex] ?? []) : [];
  });
  return builds[0];
}

import { toHex } from '../bytes/hex.ts';
import { utf16z } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { hash } from '../hash.ts';
import { type OvmfFirmware, readOvmf, type UnpackedVolume } from '../uefi/ovmf.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import { type PeiMemory, peiInMemory } from './pei-memory.ts';
import type { Dependency, PredictedEvent } from './prediction.ts';
import { separator } from './separator.ts';

/** What PCR 0 covers. */
export const describePcr00 = (): string => 'The firmware’s own code: its version, and its volumes in memory';

/** PCR 0 of OVMF: the version, the PEI volume as its modules have left it, the DXE volume, the separator. */
export function predictPcr00(context: PredictionContext): RegisterAnswer {
  const { machine, hasher } = context;
  const { code, codeSha256 } = machine.firmware ?? {};
  if (!code) {
    return {
      status: 'host-dependent',
      reason: 'The firmware’s bytes are not given, of which this register is made',
    };
  }
  if (codeSha256 !== undefined && codeSha256.toLowerCase() !== toHex(hash(hasher, 'sha256', code))) {
    return {
      status: 'unpredictable',
      reason: 'The firmware’s bytes do not have the SHA-256 that it is known by',
    };
  }
  const firmware = readOvmf(code);
  if (firmware.version === undefined) {
    return {
      status: 'unpredictable',
      reason: 'The firmware has no readable version, which is measured first',
    };
  }
  const pei = peiInMemory(firmware, machine.qemu, hasher, machine.firmware?.vars);
  if ('status' in pei) return pei;
  return {
    status: pei.doubt === undefined ? 'predicted' : 'assumed',
    reason: pei.doubt ?? `The volumes of the firmware’s file; its modules write there: ${pei.written}`,
    events: [
      crtmVersion(context, firmware.version),
      peiVolume(context, firmware, pei),
      dxeVolume(context, firmware),
      separator(context, 0),
    ],
  };
}

const CLAUSE = 'PC Client Platform Firmware Profile 1.06, 3.3.4.1; edk2 SecurityPkg/Tcg/Tcg2Pei';

function crtmVersion(context: PredictionContext, version: string): PredictedEvent {
  const data = utf16z(version);
  return pcrEvent(context, 0, {
    stage: 'crtm',
    eventType: 'EV_S_CRTM_VERSION',
    measured: [data],
    data,
    source: { kind: 'constant', text: version },
    clause: `${CLAUSE} (MeasureCRTMVersion)`,
    dependsOn: ['firmware'],
    description:
      version === '' ? 'the firmware’s version, which is empty' : `the firmware’s version "${version}"`,
  });
}

function peiVolume(
  context: PredictionContext,
  { pei }: OvmfFirmware,
  { bytes, written, dependsOn }: Extract<PeiMemory, { bytes: unknown }>,
): PredictedEvent {
  const description = `the volume of the first modules (PEI), in which they have written: ${written}`;
  return volume(context, 'PEIFV', { ...pei, bytes }, ['firmware', ...dependsOn], description);
}

function dxeVolume(context: PredictionContext, { dxe }: OvmfFirmware): PredictedEvent {
  return volume(context, 'DXEFV', dxe, ['firmware'], 'the volume of the drivers (DXE)');
}

function volume(
  context: PredictionContext,
  part: 'PEIFV' | 'DXEFV',
  { bytes, offset, address }: UnpackedVolume,
  dependsOn: readonly Dependency[],
  description: string,
): PredictedEvent {
  return pcrEvent(context, 0, {
    stage: 'firmware-volumes',
    // Newer firmware could be built to use EV_EFI_PLATFORM_FIRMWARE_BLOB2 (PcdTcgPfpMeasurementRevision); no known one is.
    eventType: 'EV_EFI_PLATFORM_FIRMWARE_BLOB',
    measured: [bytes],
    data: new Writer().u64(address).u64(bytes.length).finish(),
    source: { kind: 'firmware', part: `${part}, in the unpacked LZMA section`, offset, length: bytes.length },
    clause: `${CLAUSE} (MeasureFvImage)`,
    dependsOn,
    description,
  });
}

import { MeasureError } from '../error.ts';
import { findExecutable, readLoadAddress } from './executable.ts';
import { type FirmwareFile, firmwareFileTypes, readFirmwareFiles } from './firmware-file.ts';
import { firmwareSectionTypes, readFirmwareSections } from './firmware-section.ts';
import { type FirmwareVolume, readFirmwareVolume } from './firmware-volume.ts';
import { unpackOvmf } from './unpack-ovmf.ts';

/** A volume that OVMF unpacks into memory. */
export interface UnpackedVolume {
  readonly bytes: Uint8Array;
  /** Where it stands in the unpacked section. */
  readonly offset: number;
  /** Address in memory to which OVMF unpacks it. */
  readonly address: number;
}

/** What an OVMF code file says of itself. */
export interface OvmfFirmware {
  /** The volume of the modules that run before memory and drivers are set up; measured as it lies in memory. */
  readonly pei: UnpackedVolume;
  /** The volume of the drivers. */
  readonly dxe: UnpackedVolume;
  /**
   * PcdFirmwareVersionString, as the module that measures it holds it; may be empty. `undefined` where there is no
   * such module, or more than one string in it that could be meant.
   */
  readonly version: string | undefined;
  /** Year and month of the edk2 release as the version names it (`202502`). */
  readonly stableTag: number | undefined;
  /** Whether PEI can measure to a TPM 2.0. */
  readonly measures: boolean;
  /** Built with Secure Boot's configuration driver. */
  readonly secureBoot: boolean;
  /** Built with system management mode (`SMM_REQUIRE`), which protects the variables. */
  readonly smm: boolean;
}

/** Names of volumes (edk2 OvmfPkg/OvmfPkgX64.fdf, `FvNameGuid`). */
const PEI_VOLUME = '6938079b-b503-4e3d-9d24-b28337a25806';
const DXE_VOLUME = '7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1';

/** Names of modules (`FILE_GUID` in the INF files of edk2's MdeModulePkg, SecurityPkg and UefiCpuPkg). */
const TCG2_PEI = 'a0c98b77-cba5-4bb8-993b-4af6ce33ece4';
const SECURE_BOOT_CONFIG_DXE = 'f0e6a44f-7195-41c3-ac64-54f202cd0a21';
const PI_SMM_CPU_DXE = 'a3ff0ef5-0c28-42f5-b544-8c7de1e80014';

/** PcdOvmfDxeMemFvBase: 9 MiB in every OvmfPkgX64.fdf.inc so far. The drivers in it are moved when they are loaded. */
const DXE_ADDRESS = 0x900000;

const cache = new WeakMap<Uint8Array, OvmfFirmware>();

/**
 * Reads an OVMF code file (`OVMF_CODE_4M.fd`, `OVMF.fd`): unpacks its two volumes, and says what stands in them.
 * The answer for the same array is kept.
 *
 * Throws `not-found` where there are no such volumes, and as the readers of volumes, files, sections and LZMA do.
 */
export function readOvmf(code: Uint8Array): OvmfFirmware {
  const known = cache.get(code);
  if (known) return known;
  const firmware = readUnpacked(unpackOvmf(code));
  cache.set(code, firmware);
  return firmware;
}

function readUnpacked(unpacked: Uint8Array): OvmfFirmware {
  const volumes = readFirmwareSections(unpacked)
    .filter(({ type }) => type === firmwareSectionTypes.firmwareVolumeImage)
    .map(({ contents, contentsOffset }) => ({
      volume: readFirmwareVolume(contents),
      offset: contentsOffset,
    }));
  const find = (name: string, what: string) => {
    const found = volumes.find(({ volume }) => volume.name === name);
    if (!found) throw new MeasureError('not-found', `The firmware has no ${what} volume (${name})`);
    return found;
  };
  const pei = find(PEI_VOLUME, 'PEI');
  const dxe = find(DXE_VOLUME, 'DXE');
  const peiFiles = readFirmwareFiles(pei.volume);
  const dxeFiles = new Set(readFirmwareFiles(dxe.volume).map(({ name }) => name));
  const tcg2 = peiFiles.find(({ name }) => name === TCG2_PEI);
  const version = tcg2 && readVersion(tcg2);
  return {
    pei: { bytes: pei.volume.bytes, offset: pei.offset, address: readVolumeAddress(pei.volume, peiFiles) },
    dxe: { bytes: dxe.volume.bytes, offset: dxe.offset, address: DXE_ADDRESS },
    version,
    stableTag: version === undefined ? undefined : readStableTag(version),
    measures: tcg2 !== undefined,
    secureBoot: dxeFiles.has(SECURE_BOOT_CONFIG_DXE),
    smm: dxeFiles.has(PI_SMM_CPU_DXE),
  };
}

/** PEI's modules run where they lie, so that the address of any tells the volume's. */
function readVolumeAddress(volume: FirmwareVolume, files: readonly FirmwareFile[]): number {
  const core = files.find(({ type }) => type === firmwareFileTypes.peiCore);
  const program = core && findExecutable(core);
  const address = program && readLoadAddress(program) - program.offset;
  if (address === undefined || address < 0) {
    throw new MeasureError(
      'malformed',
      `The PEI volume at 0x${volume.offset.toString(16)} has no PEI core that tells its address`,
    );
  }
  return address;
}

/** Shorter texts are found in code by chance. */
const MIN_VERSION_LENGTH = 4;

/**
 * The only UTF-16 text in Tcg2Pei's program is the version that it measures: the compiler puts it there as an array
 * (`_gPcd_FixedAtBuild_PcdFirmwareVersionString`), which is one NUL when the version is empty.
 */
function readVersion(tcg2: FirmwareFile): string | undefined {
  const program = findExecutable(tcg2)?.bytes ?? new Uint8Array(0);
  const texts: string[] = [];
  let text = '';
  for (let i = 0; i + 1 < program.length; i += 2) {
    const unit = (program[i] ?? 0) | ((program[i + 1] ?? 0) << 8);
    if (unit >= 0x20 && unit < 0x7f) {
      text += String.fromCharCode(unit);
      continue;
    }
    if (unit === 0 && text.length >= MIN_VERSION_LENGTH) texts.push(text);
    text = '';
  }
  return texts.length > 1 ? undefined : (texts[0] ?? '');
}

/** `2025.02-8+deb13u1`, `edk2-stable202502`, `edk2-20250221-8.el10`. */
function readStableTag(version: string): number | undefined {
  const match = /^(\d{4})\.(\d{2})(?!\d)|^edk2-(?:stable)?(\d{4})(\d{2})(?:\d{2})?(?!\d)/.exec(version);
  if (!match) return undefined;
  const [, year = match[3], month = match[4]] = match;
  return Number(`${year}${month}`);
}

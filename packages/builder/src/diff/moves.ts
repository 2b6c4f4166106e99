import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  authenticodeRanges,
  compareMoves,
  encodeGptEvent,
  MeasureError,
  parseGpt,
  parseMeasurements,
  predictTpm,
  type RecordedPrediction,
  type RegisterMove,
  readCertificateTable,
  readPe,
  type TpmPredictionInput,
} from '@altee/measure';
import { BuilderError } from '../error.ts';
import { type MeasureOptions, measureFile } from '../measure-file.ts';
import { kernelFacts } from '../platform/kernel-facts.ts';
import type { MeasuredImage } from '../platform/measured-image.ts';
import { nativeHasher } from '../platform/native-hasher.ts';
import { predictAside } from '../platform/predict-banks.ts';
import { ifPresent } from '../store/errno.ts';
import { findSideImage, type SideImage } from './find-image.ts';
import type { Side } from './read-side.ts';

/** The registers of one machine. */
export interface PlatformMoves {
  readonly platform: string;
  /**
   * Whose word it is: computed from both images for a machine that was described, for one that nobody described (what
   * follows from the image alone), or as the two `measurements.json` tell it.
   */
  readonly source: 'described-machine' | 'image-alone' | 'recorded';
  readonly registers: readonly RegisterMove[];
}

/** What the differences mean for measurements. */
export interface Moves {
  /**
   * - `none`: all that registers follow from is the same, or each register has the same value.
   * - `some`: at least one register moves.
   * - `unknown`: no register is known to move, and not all are known.
   */
  readonly verdict: 'none' | 'some' | 'unknown';
  readonly platforms: readonly PlatformMoves[];
  /** What could not be computed, and why. */
  readonly notes: readonly string[];
}

/** What to compute for. */
export interface MovesOptions extends Omit<MeasureOptions, 'file' | 'frozen' | 'runFirmware'> {
  readonly a: Side;
  readonly b: Side;
}

/**
 * Which registers move between two sides: recomputed from both images, never taken from the differences. `onBegun` is
 * called when what takes long runs in threads of its own.
 */
export async function findMoves(options: MovesOptions, onBegun: () => void = () => {}): Promise<Moves> {
  const [one, other] = [await findSideImage(options.a), await findSideImage(options.b)];
  const recorded = await recordedMoves(options.a, options.b);
  if ('none' in one || 'none' in other) {
    const notes = [one, other].flatMap((side) => ('none' in side ? [side.none] : []));
    return { verdict: verdictOf(recorded.platforms, false), platforms: recorded.platforms, notes };
  }
  const machines = await machineFiles(options);
  if (!machines && sameForRegisters(one.image, other.image))
    return { verdict: 'none', platforms: [], notes: [] };
  const computed = machines
    ? await describedMoves(options, one, other, machines)
    : await imageMoves(one.image, other.image, onBegun);
  const platforms = [...computed.platforms, ...recorded.platforms];
  return {
    verdict: verdictOf(platforms, computed.platforms.length > 0),
    platforms,
    notes: [...computed.notes, ...recorded.notes],
  };
}

type Found = Pick<Moves, 'platforms' | 'notes'>;

function verdictOf(platforms: readonly PlatformMoves[], isComputed: boolean): Moves['verdict'] {
  const registers = platforms.flatMap((platform) => platform.registers);
  if (registers.some(({ status }) => status === 'moves')) return 'some';
  return isComputed && registers.every(({ status }) => status === 'stays') ? 'none' : 'unknown';
}

/** True when nothing differs that any register of any machine can follow from. */
function sameForRegisters(a: MeasuredImage, b: MeasuredImage): boolean {
  if (Buffer.compare(a.uki, b.uki) !== 0) return false;
  if (!sameTable(a, b)) return false;
  const [files, otherFiles] = [Object.entries(a.sideFiles ?? {}), Object.entries(b.sideFiles ?? {})];
  return (
    files.length === otherFiles.length &&
    files.every(([path, bytes]) => {
      const twin = b.sideFiles?.[path];
      return twin !== undefined && Buffer.compare(bytes, twin) === 0;
    })
  );
}

function sameTable(a: MeasuredImage, b: MeasuredImage): boolean {
  const [one, other] = [tableOf(a), tableOf(b)];
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}

/** What firmware measures of the partition table; `undefined` for a table that cannot be read. */
function tableOf({ diskHead }: MeasuredImage): Uint8Array | undefined {
  if (!diskHead) return new Uint8Array(0);
  try {
    return encodeGptEvent(parseGpt(diskHead));
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    return error.code === 'not-found' ? new Uint8Array(0) : undefined;
  }
}

/** For a machine that nobody described, in one bank: the others say the same. */
async function imageMoves(a: MeasuredImage, b: MeasuredImage, onBegun: () => void): Promise<Found> {
  try {
    const predictions = [a, b].map((image) => predictOnStandIn(image));
    // Where one fails, the other's failure must not go unheard of.
    for (const prediction of predictions) prediction.catch(() => {});
    onBegun();
    const [one, other] = await Promise.all(predictions);
    if (!one || !other) return { platforms: [], notes: [] };
    const registers = compareMoves(one, other)
      // What firmware measures of a partition table is not the image's to decide.
      .filter(({ register }) => register !== 'PCR5' || a.diskHead !== undefined || b.diskHead !== undefined)
      .map((move) => ({ ...move, ...outsideMove(move, a, b) }));
    return { platforms: [{ platform: 'a TPM', source: 'image-alone', registers }], notes: [] };
  } catch (error) {
    if (error instanceof MeasureError)
      return { platforms: [], notes: [`Registers cannot be computed: ${error.message}`] };
    throw error;
  }
}

/**
 * A firmware that stands in for the one that nobody named (Debian OVMF 2025.02): what it measures before and around the
 * image is the same for both, so that a register in which the images differ moves with any other, too.
 */
const STAND_IN = '624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0';

async function predictOnStandIn(image: MeasuredImage): Promise<RecordedPrediction> {
  const input: TpmPredictionInput = {
    uki: image.uki,
    machine: {
      disk: headOf(image.diskHead),
      sideFiles: image.sideFiles,
      secureBoot: 'off',
      firmware: { codeSha256: STAND_IN },
      optionRoms: false,
    },
    kernel: kernelFacts(image),
    banks: ['sha256'],
  };
  // What is no image is refused here, where its error keeps its class.
  readPe(image.uki);
  tableOf(image);
  return image.uki.length < LARGE_BYTES ? predictTpm(input, nativeHasher) : predictAside(input);
}

/** A thread takes some milliseconds to start, and the image has to be copied. */
const LARGE_BYTES = 16 * 2 ** 20;
/** Header and entries of the partition table, as far as altee reads them. */
const DISK_HEAD_BYTES = 2 ** 21;

function headOf(disk: Uint8Array | undefined): Uint8Array | undefined {
  return disk?.slice(0, DISK_HEAD_BYTES);
}

/** PCR 0, 2, 3 and 6 measure firmware and devices (PC Client Platform Firmware Profile 1.06, 3.3.4). */
const MACHINE_PCRS: readonly string[] = ['PCR0', 'PCR2', 'PCR3', 'PCR6'];

/** Registers that no image decides, or that it may have a part in: what is known of them without the machine. */
function outsideMove(
  { register, status }: RegisterMove,
  a: MeasuredImage,
  b: MeasuredImage,
): Omit<RegisterMove, 'register'> | undefined {
  if (MACHINE_PCRS.includes(register))
    return { status: 'stays', reason: 'firmware and devices alone decide it' };
  if (register === 'PCR1') {
    return sameTable(a, b)
      ? {
          status: 'stays',
          reason: 'of the disk, boot options name no more than the partition, which is the same',
        }
      : {
          status: 'unknown',
          reason: 'boot options may name the partition, whose entry differs: describe the machine',
        };
  }
  if (register === 'PCR7') {
    return sameSignature(a.uki, b.uki)
      ? { status: 'stays', reason: 'what Secure Boot looks at is the same in both images' }
      : {
          status: 'unknown',
          reason: 'with Secure Boot, another entry of db may vouch for the image: describe the machine',
        };
  }
  if (register !== 'PCR10' || status !== 'unknown' || !sameDigest(a.uki, b.uki)) return undefined;
  return { status: 'stays', reason: 'the images are the same but for what no digest covers' };
}

/** True when Secure Boot cannot tell the images apart: by their digest, or by their signatures. */
function sameSignature(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [a, b].map((uki) =>
    (readCertificateTable(uki, readPe(uki))?.entries ?? []).map(({ pkcs7 }) => pkcs7),
  );
  if (!one || !other || one.length !== other.length || !sameDigest(a, b)) return false;
  return one.every((pkcs7, index) => {
    const twin = other[index];
    return twin !== undefined && Buffer.compare(pkcs7, twin) === 0;
  });
}

/** True when firmware measures the same of both: what the Authenticode digest covers, compared byte by byte. */
function sameDigest(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [a, b].map((uki) => {
    const ranges = authenticodeRanges(readPe(uki), uki.length);
    return ranges.map(({ offset, length }) => uki.subarray(offset, offset + length));
  });
  if (!one || !other || one.length !== other.length) return false;
  return one.every((part, index) => Buffer.compare(part, other[index] ?? new Uint8Array(0)) === 0);
}

/** Descriptions of the machines: the one that was given for both, or the manifests that stand in the folders. */
async function machineFiles({
  platformFile,
  a,
  b,
}: MovesOptions): Promise<readonly [a: string, b: string] | undefined> {
  if (platformFile !== undefined) return [platformFile, platformFile];
  const [one, other] = [await manifestOf(a), await manifestOf(b)];
  return one !== undefined && other !== undefined ? [one, other] : undefined;
}

async function manifestOf({ kind, path }: Side): Promise<string | undefined> {
  const file = join(path, 'altee.yaml');
  if (kind !== 'folder') return undefined;
  return (await ifPresent(readFile(file))) === undefined ? undefined : file;
}

async function describedMoves(
  options: MovesOptions,
  a: SideImage,
  b: SideImage,
  [machineA, machineB]: readonly [string, string],
): Promise<Found> {
  const measure = async (file: string, platformFile: string) =>
    (await measureFile({ ...options, file, platformFile, frozen: true })).platforms;
  try {
    const [one, other] = [await measure(a.file, machineA), await measure(b.file, machineB)];
    return comparePlatforms(one, other, 'described-machine');
  } catch (error) {
    if (!(error instanceof BuilderError || error instanceof MeasureError)) throw error;
    const found = await imageMoves(a.image, b.image, () => {});
    return { ...found, notes: [`For the described machine: ${error.message}`, ...found.notes] };
  }
}

type Measured = { readonly prediction: RecordedPrediction } | { readonly unsupported: string };

function comparePlatforms(
  a: ReadonlyMap<string, Measured>,
  b: ReadonlyMap<string, Measured>,
  source: PlatformMoves['source'],
): Found {
  const platforms: PlatformMoves[] = [];
  const notes: string[] = [];
  for (const platform of new Set([...a.keys(), ...b.keys()])) {
    const [one, other] = [a.get(platform), b.get(platform)];
    if (!one || !other) notes.push(`Platform "${platform}" is in ${one ? 'A' : 'B'} alone`);
    else if ('unsupported' in one) notes.push(`Platform "${platform}": ${one.unsupported}`);
    else if ('unsupported' in other) notes.push(`Platform "${platform}": ${other.unsupported}`);
    else platforms.push({ platform, source, registers: compareMoves(one.prediction, other.prediction) });
  }
  return { platforms, notes };
}

/** More than the measurements of a hundred platforms. */
const MAX_MEASUREMENTS_BYTES = 2 ** 26;

/** What the two folders' own `measurements.json` say: their publishers' word. */
async function recordedMoves(a: Side, b: Side): Promise<Found> {
  if (a.kind !== 'folder' || b.kind !== 'folder') return { platforms: [], notes: [] };
  try {
    const [one, other] = [await recordedOf(a.path), await recordedOf(b.path)];
    if (!one || !other) return { platforms: [], notes: [] };
    return comparePlatforms(one, other, 'recorded');
  } catch (error) {
    if (error instanceof MeasureError)
      return { platforms: [], notes: [`measurements.json cannot be read: ${error.message}`] };
    throw error;
  }
}

async function recordedOf(folder: string): Promise<ReadonlyMap<string, Measured> | undefined> {
  const bytes = await ifPresent(readFile(join(folder, 'measurements.json')));
  if (!bytes || bytes.length > MAX_MEASUREMENTS_BYTES) return undefined;
  return parseMeasurements(bytes.toString('utf8')).platforms;
}

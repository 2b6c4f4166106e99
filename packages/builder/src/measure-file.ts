import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type Lock, parsePlatforms } from '@altee/manifest';
import { type FragileFact, findBootImage, MeasureError } from '@altee/measure';
import { buildAll } from './build.ts';
import { BuilderError } from './error.ts';
import type { ExecutorName } from './executor/executors.ts';
import { measurePlatform, type PlatformMeasurements } from './measurements.ts';
import { attemptPlatform, hasFailed } from './platform/attempt-platform.ts';
import { fragileFactsOf } from './platform/fragile.ts';
import { imageSha256, type MeasuredImage } from './platform/measured-image.ts';
import { observeFirmware } from './platform/observe-firmware.ts';
import type { Platform, PlatformContext } from './platform/platform.ts';
import { lockFileOf, readAtMost, readLockFile } from './project.ts';
import { LockedRoots } from './roots.ts';
import { fileErrorReason } from './store/file-error.ts';
import { openWorkshop, type WorkshopOptions } from './workshop.ts';

export interface MeasureOptions extends WorkshopOptions {
  /** A manifest, an EFI image, or a raw disk. */
  readonly file: string;
  /** One platform by its name; all of them by default. */
  readonly platform?: string;
  /** For images and disks: a manifest or platform file that names the machines; its lock, if any, stands beside it. */
  readonly platformFile?: string;
  /** What runs the build steps of a manifest; the sandbox by default. */
  readonly executor?: ExecutorName;
  /** Fail rather than write or change the lock of a manifest. */
  readonly frozen: boolean;
  /** Run the firmware alone, and take what it measures where no static answer exists. */
  readonly runFirmware?: boolean;
}

export interface MeasureResult {
  readonly image: {
    readonly kind: 'manifest' | 'image' | 'disk';
    /** The file as it was given. */
    readonly file: string;
    /** As the image's publisher would have to call it: what of the file's name is letters, digits and hyphens. */
    readonly name: string;
    readonly version: string;
    /** Of the EFI image: `sha256:` and 64 hex digits. */
    readonly sha256: string;
  };
  readonly platforms: ReadonlyMap<string, PlatformMeasurements>;
  /** False where nobody named a machine. */
  readonly isKnown: boolean;
  /** What in a platform's configuration makes a register move for reasons that are not the image's. */
  readonly fragile: ReadonlyMap<string, readonly FragileFact[]>;
}

/** What can be read at once. An image above this is none: firmware would have to hold it in memory twice. */
const MAX_IMAGE_BYTES = 2 ** 31 - 1;
const PLATFORM_FILE_BYTES = 2 * 1024 * 1024;
const SNIFFED_BYTES = 1024;

/**
 * `altee measure`: what each platform will measure of a manifest's image (which is built where it is not yet), or of a
 * finished EFI image or disk. Throws `invalid-input` for files that are none of these, besides what building, reading and
 * parsing throw.
 */
export async function measureFile(options: MeasureOptions): Promise<MeasureResult> {
  const kind = await sniff(options.file);
  if (kind === 'manifest') return measureManifest(options);
  return measureImage(options, kind);
}

async function measureManifest(options: MeasureOptions): Promise<MeasureResult> {
  if (options.platformFile !== undefined) {
    throw new BuilderError('invalid-input', 'A manifest has its own platforms', {
      hint: 'Leave --platform-file out, or give the image instead of the manifest',
    });
  }
  const built = await buildAll({ ...options, manifestFile: options.file, keepGoing: true });
  const { project, lock, roots, workshop } = built;
  const { name, network, platforms } = project.manifest;
  const context = { folder: project.folder, lock, roots, workshop, network: network.mode !== 'none' };
  const uki = new Uint8Array(await readFile(built.ukiPath));
  const fragile = new Map<string, readonly FragileFact[]>();
  const measured = new Map<string, PlatformMeasurements>();
  for (const [platformName, measurements] of chosen(built.platforms, options.platform)) {
    const platform = platforms[platformName];
    if (!platform) continue;
    const own = { ...context, name: platformName, platform };
    if (hasFailed(measurements)) {
      measured.set(platformName, measurements);
      continue;
    }
    measured.set(platformName, await attemptPlatform(own, () => withFirmwareRun(options, own, measurements)));
    fragile.set(platformName, fragileFactsOf(own, uki));
  }
  const { version } = project.manifest;
  return {
    image: { kind: 'manifest', file: options.file, name, version, sha256: built.imageSha256 },
    platforms: orOnlyError(measured),
    isKnown: true,
    fragile,
  };
}

/** With what a run of the firmware alone gives, where that was asked for and a TPM is what measures. */
async function withFirmwareRun(
  { runFirmware }: MeasureOptions,
  context: PlatformContext,
  measured: PlatformMeasurements,
): Promise<PlatformMeasurements> {
  if (runFirmware !== true || context.platform.kind !== 'qemu-tpm' || !('prediction' in measured))
    return measured;
  return { ...measured, prediction: await observeFirmware(context, measured.prediction) };
}

async function measureImage(options: MeasureOptions, kind: 'image' | 'disk'): Promise<MeasureResult> {
  const image = await readImage(options.file, kind);
  const { platforms, lock, folder, network, lockFile } = await readPlatforms(options.platformFile);
  const workshop = await openWorkshop(options, lock);
  const roots = new LockedRoots(lock, workshop);
  const measured = new Map<string, PlatformMeasurements>();
  const fragile = new Map<string, readonly FragileFact[]>();
  for (const [name, platform] of chosen(new Map(Object.entries(platforms)), options.platform)) {
    if (lockFile !== undefined && isUnpinned(platform, lock.platforms[name]))
      options.reporter.warn(
        `"firmware: debian" of platform "${name}" is what the lock pins for it, and "${lockFile}" ${lock === EMPTY_LOCK ? 'is not there' : 'pins nothing for it'}: nothing is known of the firmware. Put the manifest's lock beside the platform file, or give the firmware's path and digest`,
      );
    const context: PlatformContext = { name, platform, folder, lock, roots, workshop, network };
    const answer = await attemptPlatform(context, async () => {
      fragile.set(name, fragileFactsOf(context, image.uki));
      return withFirmwareRun(options, context, await measurePlatform(context, image));
    });
    measured.set(name, answer);
  }
  const sha256 = `sha256:${imageSha256(image.uki)}`;
  return {
    image: { kind, file: options.file, name: imageName(options.file), version: '0.0.0', sha256 },
    platforms: orOnlyError(measured),
    isKnown: options.platformFile !== undefined,
    fragile,
  };
}

/** Where there is nothing but one platform that failed, its error says more than a table of it. */
function orOnlyError(
  measured: ReadonlyMap<string, PlatformMeasurements>,
): ReadonlyMap<string, PlatformMeasurements> {
  const [only, ...others] = measured.values();
  if (only && others.length === 0 && hasFailed(only)) throw only.error;
  return measured;
}

/** Whether the platform's firmware is to come from the lock, which has none. */
function isUnpinned({ kind, firmware }: Platform, pinned: Lock['platforms'][string] | undefined): boolean {
  return kind.startsWith('qemu-') && firmware === 'debian' && pinned === undefined;
}

/** A label as a manifest has it: it begins with a letter and ends in a letter or a digit. */
function imageName(file: string): string {
  const label = basename(file)
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  return label === '' ? 'image' : label;
}

async function sniff(file: string): Promise<'manifest' | 'image' | 'disk'> {
  const head = await readAtMost(file, SNIFFED_BYTES).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read "${file}": ${fileErrorReason(cause)}`);
  });
  const at = (offset: number, text: string) =>
    Buffer.from(head.subarray(offset, offset + text.length)).toString('latin1') === text;
  if (at(0, 'MZ')) return 'image';
  return at(512, 'EFI PART') || at(510, '\x55\xaa') ? 'disk' : 'manifest';
}

async function readImage(file: string, kind: 'image' | 'disk'): Promise<MeasuredImage> {
  const { size } = await stat(file);
  if (size > MAX_IMAGE_BYTES) {
    throw new BuilderError(
      'invalid-input',
      `"${file}" is too large: ${size} bytes, at most ${MAX_IMAGE_BYTES}`,
      kind === 'disk'
        ? {
            hint: 'Give the EFI image on it, or the head of the disk up to the end of its EFI system partition',
          }
        : {},
    );
  }
  const { buffer, byteOffset, length } = await readFile(file);
  const bytes = new Uint8Array(buffer, byteOffset, length);
  if (kind === 'image') return { uki: bytes, diskHead: undefined, kernelConfig: undefined };
  const { image, sideFiles } = bootImageOf(file, bytes);
  return { uki: image, diskHead: bytes, sideFiles, kernelConfig: undefined };
}

function bootImageOf(file: string, disk: Uint8Array): ReturnType<typeof findBootImage> {
  try {
    return findBootImage(disk);
  } catch (cause) {
    if (!(cause instanceof MeasureError)) throw cause;
    throw new BuilderError('invalid-input', `Cannot find the image that "${file}" boots: ${cause.message}`, {
      cause,
    });
  }
}

interface Platforms {
  readonly platforms: Readonly<Record<string, Platform>>;
  readonly lock: Lock;
  readonly folder: string;
  /** Where the lock is or would be; absent where nobody gave a platform file. */
  readonly lockFile?: string;
  /** Whether the machines have a network card; only a manifest says so. */
  readonly network: boolean | undefined;
}

async function readPlatforms(file: string | undefined): Promise<Platforms> {
  // Nothing is known of the machine: what follows from the image alone is still told.
  if (file === undefined) {
    const { platforms } = parsePlatforms(UNKNOWN_MACHINE, 'unknown machine');
    return { platforms, lock: EMPTY_LOCK, folder: process.cwd(), network: undefined };
  }
  const text = await readAtMost(file, PLATFORM_FILE_BYTES).catch((cause: unknown) => {
    throw new BuilderError(
      'invalid-input',
      `Cannot read the platform file "${file}": ${fileErrorReason(cause)}`,
    );
  });
  const { platforms, network } = parsePlatforms(text, file);
  const lock = (await readLockFile(lockFileOf(resolve(file)))) ?? EMPTY_LOCK;
  const lockFile = lockFileOf(file);
  const hasNetwork = network && network.mode !== 'none';
  return { platforms, lock, lockFile, folder: dirname(resolve(file)), network: hasNetwork };
}

const UNKNOWN_MACHINE = 'apiVersion: altee/v1\nplatforms: { unknown: { kind: qemu-tpm } }\n';

/** A lock that pins nothing: a platform that needs something of it says what it lacks. */
const EMPTY_LOCK: Lock = {
  lockVersion: 1,
  request: `sha256:${'0'.repeat(64)}`,
  debian: { snapshot: '19700101T000000Z', indexes: [] },
  kernel: {
    line: '',
    version: '',
    name: '',
    size: 1,
    sha256: `sha256:${'0'.repeat(64)}`,
    origins: [],
  },
  stub: { package: '', path: '', sha256: `sha256:${'0'.repeat(64)}` },
  platforms: {},
  roots: {},
  packages: {},
};

function chosen<T>(platforms: ReadonlyMap<string, T>, name: string | undefined): ReadonlyMap<string, T> {
  if (name === undefined) return platforms;
  const found = platforms.get(name);
  if (found !== undefined) return new Map([[name, found]]);
  const names = [...platforms.keys()].map((one) => `"${one}"`).join(', ');
  throw new BuilderError('invalid-input', `There is no platform "${name}"`, { hint: `There are ${names}` });
}

import {
  type HashName,
  MeasureError,
  type PcrPhasePolicy,
  type PolicyFile,
  type PolicyFolder,
  parseMeasurements,
  pcrPhasePolicies,
  type RecordedMeasurements,
  writePolicies,
} from '@altee/measure';
import { BuilderError } from '../error.ts';
import { nativeHasher } from '../platform/native-hasher.ts';
import { measurementsIn, readInput } from '../read-input.ts';
import { signPcrPolicies } from './sign-pcr-policy.ts';
import { writePolicyFolder } from './write-policy-folder.ts';

export interface PolicyRequest {
  /** Files `measurements.json`, or folders with one; several images share policies where a dialect has words for it. */
  readonly measurementsFiles: readonly string[];
  readonly outDir: string;
  readonly platforms?: readonly string[];
  readonly dialects?: readonly string[];
  readonly pcrs?: readonly number[];
  readonly banks?: readonly HashName[];
  /** Sign PCR 11 for systemd. */
  readonly sign?: {
    readonly keyFile: string;
    /** Words joined by colons, each a phase of its own; an empty one is the moment when the application starts. */
    readonly phases: readonly string[];
  };
}

export interface PolicyResult extends PolicyFolder {
  readonly outDir: string;
}

/** Banks that are signed: SHA-1 holds nothing any more. */
const SIGNED_BANKS: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/** A measurements file of a big image has some hundred kilobytes. */
const MAX_BYTES = 64 << 20;

/**
 * `altee policy`: measurements to a folder of policies. Throws `invalid-input` for files that can't be read, and for a
 * register, platform, bank or dialect that was asked for and isn't there.
 */
export async function makePolicies(request: PolicyRequest): Promise<PolicyResult> {
  const { measurementsFiles, outDir, sign, platforms, dialects, pcrs, banks } = request;
  const releases = await Promise.all(measurementsFiles.map(readMeasurements));
  const privateKey = sign && (await readText(sign.keyFile, 'signing key'));
  const folder = asked(() => {
    const signed = sign && privateKey !== undefined ? signedFiles(releases, privateKey, request) : undefined;
    return writePolicies(releases, { platforms, dialects, pcrs, banks, signed });
  });
  await writePolicyFolder(outDir, folder.files);
  return { outDir, ...folder };
}

/** `systemd/`: one signature file for all images and platforms together, as systemd picks the policy that holds. */
function signedFiles(
  releases: readonly RecordedMeasurements[],
  privateKey: string,
  { sign, banks = SIGNED_BANKS, platforms }: PolicyRequest,
): PolicyFile[] {
  const parts = releases.flatMap(({ image, platforms: known }) =>
    [...known].flatMap(([platform, entry]) => {
      if ((platforms && !platforms.includes(platform)) || !('prediction' in entry)) return [];
      const { prediction } = entry;
      if (prediction.technology !== 'tpm') return [];
      const usable = banks.filter((bank) => SIGNED_BANKS.includes(bank) && prediction.banks.includes(bank));
      const policies: PcrPhasePolicy[] = pcrPhasePolicies(
        prediction,
        sign?.phases ?? [''],
        usable,
        nativeHasher,
      );
      return [{ covers: { image, platform, register: 'PCR11' as const, banks: usable }, policies }];
    }),
  );
  const policies = parts.flatMap((part) => part.policies);
  if (policies.length === 0)
    throw new MeasureError('not-found', 'No platform has a PCR 11 whose policy could be signed');
  const { signature, publicKey } = signPcrPolicies(policies, privateKey);
  const common = { dialect: 'systemd-pcrsig', leavesOut: [] };
  const encode = (text: string) => new TextEncoder().encode(text);
  return [
    {
      ...common,
      path: 'systemd/tpm2-pcr-signature.json',
      bytes: encode(`${signature}\n`),
      covers: parts.map(({ covers }) => covers),
    },
    { ...common, path: 'systemd/tpm2-pcr-public-key.pem', bytes: encode(publicKey), covers: [] },
  ];
}

async function readMeasurements(path: string): Promise<RecordedMeasurements> {
  const file = await measurementsIn(path);
  const text = await readText(file);
  try {
    return parseMeasurements(text);
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    throw new BuilderError(
      'invalid-input',
      `"${file}" is no measurements.json of altee's: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

async function readText(file: string, what?: string): Promise<string> {
  return new TextDecoder().decode(await readInput(file, MAX_BYTES, what));
}

/** What the user asked for and isn't there is the user's to mend. */
function asked<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    throw new BuilderError('invalid-input', error.message, { cause: error });
  }
}

import { equalBytes } from '../bytes/compare.ts';
import { toHex } from '../bytes/hex.ts';
import { ascii } from '../bytes/text.ts';
import { defaultHasher, hash } from '../hash.ts';
import type { RecordedEvent, RecordedRegister } from '../predict/parse-json.ts';
import { replayPcr } from '../tpm/pcr.ts';
import { attestationType } from './attested-tls.ts';
import { encodeJson } from './encode.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered, subjectTitle } from './subject.ts';

/** The digests of an image's parts that the verifier builds RTMR 1 and 2 from; all SHA-384. */
interface ImageHashes {
  readonly uki_authenticode: Uint8Array;
  readonly kernel_authenticode: Uint8Array;
  readonly gpt_disk_guid_hash: Uint8Array;
  readonly cmdline_hash: Uint8Array;
  readonly initrd_hash: Uint8Array;
  /** What RTMR 2 holds when the stub has measured its sections; absent where it measures none. */
  readonly pe_sections?: Uint8Array | undefined;
}

/**
 * Portable policy of attested-tls (crates/attestation README, "Portable measurement policies"): not register values,
 * but the digests of the image's parts. The verifier builds RTMR 1 and 2 of them, and on Google Cloud MRTD and RTMR 0
 * of the firmware that Google publishes. Its model of a boot is one of several: the file is written only where that
 * model gives exactly the predicted registers.
 */
export function writeAttestedTlsPortable(subjects: readonly Subject[]): Written {
  const results = subjects.map((subject) => ({ subject, hashes: imageHashes(subject) }));
  const entries = results.flatMap(({ subject, hashes }) =>
    typeof hashes === 'string'
      ? []
      : {
          measurement_id: subjectTitle(subject),
          attestation_type: attestationType(subject.kind),
          dcap_image_hashes: Object.fromEntries(
            Object.entries(hashes).flatMap(([name, digest]) => (digest ? [[name, toHex(digest)]] : [])),
          ),
        },
  );
  const written = results.flatMap(({ subject, hashes }) => (typeof hashes === 'string' ? [] : subject));
  const notWritten = results.flatMap(({ subject: { image, platform }, hashes }) =>
    typeof hashes === 'string' ? { image, platform, reason: hashes } : [],
  );
  if (written.length === 0) return { files: [], notWritten };
  const isBuilt = ({ register }: RecordedRegister) => register === 'RTMR1' || register === 'RTMR2';
  const file = {
    path: 'attested-tls-portable.json',
    bytes: encodeJson(entries),
    covers: written.flatMap((subject) => covered(subject, subject.pinned.filter(isBuilt), ['sha384'])),
    leavesOut: written.flatMap(({ image, platform, pinned, leftOut }) => [
      ...leftOut,
      ...pinned
        .filter((each) => !isBuilt(each))
        .map(({ register }) => ({
          image,
          platform,
          register,
          reason: 'A portable policy names parts of the image alone',
        })),
    ]),
  };
  return { files: [file], notWritten };
}

/** The digests, or why the verifier's model doesn't fit. */
function imageHashes({ pinned }: Subject): ImageHashes | string {
  const rtmr1 = pinned.find(({ register }) => register === 'RTMR1');
  const rtmr2 = pinned.find(({ register }) => register === 'RTMR2');
  if (!rtmr1 || !rtmr2) return 'RTMR 1 and RTMR 2 are not both predicted';
  const image = rtmr1.events.find(({ source }) => source.kind === 'image');
  const kernel = rtmr1.events.find(
    ({ source }) => source.kind === 'section' && source.part === 'authenticode',
  );
  const gpt = rtmr1.events.find(({ eventType }) => eventType === 'EV_EFI_GPT_EVENT');
  const [commandLine, initrd] = rtmr2.events.slice(-2);
  const sections = rtmr2.events.slice(0, -2);
  const hashes = {
    uki_authenticode: sha384Of(image),
    kernel_authenticode: sha384Of(kernel),
    gpt_disk_guid_hash: sha384Of(gpt),
    cmdline_hash: sha384Of(commandLine),
    initrd_hash: sha384Of(initrd),
  };
  const missing = Object.entries(hashes).find(([, digest]) => digest === undefined);
  if (missing) return `The format requires ${missing[0]}, which this boot does not measure`;
  const complete: ImageHashes = {
    ...(hashes as Record<keyof typeof hashes, Uint8Array>),
    pe_sections:
      sections.length === 0 ? undefined : replay(sections.flatMap((event) => sha384Of(event) ?? [])),
  };
  const model = modelledRegisters(complete);
  const fits = isValue(rtmr1, model.rtmr1) && isValue(rtmr2, model.rtmr2);
  return fits ? complete : 'The verifier takes this boot to measure other events than it does';
}

/** RTMR 1 and 2 as the verifier builds them for a boot from a disk (Easy-TEE/attest crates/measure/src/dcap). */
function modelledRegisters(hashes: ImageHashes): { rtmr1: Uint8Array; rtmr2: Uint8Array } {
  const sha384 = (bytes: Uint8Array) => hash(defaultHasher, 'sha384', bytes);
  const rtmr1 = replay([
    sha384(ascii('Calling EFI Application from Boot Option')),
    sha384(new Uint8Array(4)),
    hashes.gpt_disk_guid_hash,
    hashes.uki_authenticode,
    hashes.kernel_authenticode,
    sha384(ascii('Exit Boot Services Invocation')),
    sha384(ascii('Exit Boot Services Returned with Success')),
  ]);
  const start = hashes.pe_sections ?? new Uint8Array(48);
  const rtmr2 = [hashes.cmdline_hash, hashes.initrd_hash].reduce(
    (value, digest) => hash(defaultHasher, 'sha384', value, digest),
    start,
  );
  return { rtmr1, rtmr2 };
}

function replay(digests: readonly Uint8Array[]): Uint8Array {
  return replayPcr(defaultHasher, 'sha384', digests);
}

function sha384Of(event: RecordedEvent | undefined): Uint8Array | undefined {
  return event?.digests.sha384;
}

function isValue({ values }: RecordedRegister, expected: Uint8Array): boolean {
  return values.sha384 !== undefined && equalBytes(values.sha384, expected);
}

import { encode, rfc8949EncodeOptions, Tagged } from 'cborg';
import { toHex } from '../bytes/hex.ts';
import { defaultHasher, type HashName, hash } from '../hash.ts';
import type { RecordedRegister } from '../predict/parse-json.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered } from './subject.ts';

/** CBOR tags (draft-ietf-rats-corim-10, CDDL `tagged-unsigned-corim-map`, `concise-tag-type-choice`). */
const TAG_CORIM_MAP = 501;
const TAG_COMID = 506;

/** Keys of the maps (draft-ietf-rats-corim-10, CDDL rules of these names). */
const corimMap = { id: 0, tags: 1 } as const;
const conciseMidTag = { tagIdentity: 1, triples: 4 } as const;
const tagIdentityMap = { tagId: 0, tagVersion: 1 } as const;
const triplesMap = { referenceTriples: 0 } as const;
const environmentMap = { class: 0 } as const;
const classMap = { vendor: 1, model: 2 } as const;
const measurementMap = { mval: 1 } as const;
const measurementValuesMap = { integrityRegisters: 14 } as const;

/** Hash algorithms of IANA's Named Information registry. SHA-1 is not in it. */
const hashAlgorithms: Readonly<Partial<Record<HashName, number>>> = { sha256: 1, sha384: 7, sha512: 8 };

/**
 * An unsigned CoRIM (draft-ietf-rats-corim-10): a CoMID for each platform, in it one reference value, whose
 * measurement is the set of integrity registers (CDDL `integrity-registers`). PCRs are called by number, other registers by name.
 * The environment is the class of vendor "altee" and a model that names image and platform; whoever signs may replace
 * it by the one that the evidence has. Deterministic encoding (RFC 8949 §4.2.1).
 */
export function writeCorim(subjects: readonly Subject[]): Written {
  const usable = subjects.filter((subject) => algorithms(subject).length > 0 && subject.pinned.length > 0);
  const notWritten = subjects
    .filter((subject) => !usable.includes(subject))
    .map(({ image, platform, pinned }) => ({
      image,
      platform,
      reason: pinned.length === 0 ? 'No register is predicted' : 'A CoRIM has no number for SHA-1',
    }));
  if (usable.length === 0) return { files: [], notWritten };
  const comids = usable.map(comid);
  const fingerprint = toHex(hash(defaultHasher, 'sha256', ...comids)).slice(0, 16);
  const { image } = usable[0] ?? { image: { name: '', version: '' } };
  const corim = new Tagged(
    TAG_CORIM_MAP,
    map([
      [corimMap.id, `altee/${image.name}/${image.version}/${fingerprint}`],
      [corimMap.tags, comids.map((bytes) => new Tagged(TAG_COMID, bytes))],
    ]),
  );
  const file = {
    path: 'corim.cbor',
    bytes: cbor(corim),
    covers: usable.flatMap((subject) => covered(subject, subject.pinned, algorithms(subject))),
    leavesOut: usable.flatMap(({ leftOut }) => leftOut),
  };
  return { files: [file], notWritten };
}

function comid(subject: Subject): Uint8Array {
  const { image, platform, pinned } = subject;
  const environment = map([
    [
      environmentMap.class,
      map([
        [classMap.vendor, 'altee'],
        [classMap.model, `${image.name}/${image.version}/${platform}`],
      ]),
    ],
  ]);
  const registers = map(
    pinned.map((register) => [registerId(register), digests(register, algorithms(subject))]),
  );
  const measurement = map([
    [measurementMap.mval, map([[measurementValuesMap.integrityRegisters, registers]])],
  ]);
  return cbor(
    map([
      [
        conciseMidTag.tagIdentity,
        map([
          [tagIdentityMap.tagId, `altee/${image.name}/${image.version}/${platform}/${image.sha256}`],
          [tagIdentityMap.tagVersion, 0],
        ]),
      ],
      [conciseMidTag.triples, map([[triplesMap.referenceTriples, [[environment, [measurement]]]]])],
    ]),
  );
}

/** A map with number keys, which plain objects can't have. */
function map(entries: readonly (readonly [number | string, unknown])[]): Map<number | string, unknown> {
  return new Map(entries);
}

function cbor(value: unknown): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

/** `integrity-register-id-type-choice`: a number or a name. */
function registerId({ register, registerIndex }: RecordedRegister): number | string {
  return register.startsWith('PCR') ? registerIndex : register;
}

/** `digests-type`: each algorithm once. */
function digests({ values }: RecordedRegister, banks: readonly HashName[]): unknown[] {
  return banks.map((bank) => [hashAlgorithms[bank], values[bank]]);
}

function algorithms({ banks }: Subject): HashName[] {
  return banks.filter((bank) => hashAlgorithms[bank] !== undefined);
}

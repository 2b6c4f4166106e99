import type { Lock, Manifest } from '@altee/manifest';
import { STEP_RULES } from '../executor/environment.ts';
import { snapshotDate, timestamp } from './snapshot-date.ts';

/** in-toto Statement v1. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** SLSA provenance v1. */
const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
/** How altee turns parameters into subjects; see docs/releases.md. */
const BUILD_TYPE = 'urn:altee:build:v1';
/** Whoever ran altee on a machine of their own: no hosted builder vouches for it. */
const BUILDER_ID = 'urn:altee:builder:local';

/** A file and its digest, as in-toto names it. */
export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

export interface ProvenanceInput {
  readonly manifest: Manifest;
  readonly lock: Lock;
  /** Files of the release by name, `sha256:` digests. */
  readonly subjects: ReadonlyMap<string, string>;
  readonly inputs: { readonly manifest: string; readonly lock: string; readonly source: string };
  /** Whether the image carries a Secure Boot signature that the publisher's own tool made. */
  readonly signedImage: boolean;
  readonly alteeVersion: string;
}

/** The text of `provenance.json`: an in-toto statement with SLSA v1 provenance; the same input gives the same bytes. */
export function writeProvenance(input: ProvenanceInput): string {
  const { manifest, lock, subjects, inputs, signedImage, alteeVersion } = input;
  const time = timestamp(snapshotDate(lock));
  const statement = {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(subjects),
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: {
          name: manifest.name,
          version: manifest.version,
          manifest: { name: 'altee.yaml', digest: digest(inputs.manifest) },
          lock: { name: 'altee.lock', digest: digest(inputs.lock) },
          source: { name: 'source.tar', digest: digest(inputs.source) },
          signedImage,
        },
        internalParameters: { stepRules: STEP_RULES, snapshot: time },
        resolvedDependencies: [
          {
            name: lock.kernel.name,
            uri: `pkg:generic/linux@${lock.kernel.version}`,
            digest: digest(lock.kernel.sha256),
          },
          ...Object.entries(lock.packages).map(([name, { version, architecture, sha256 }]) => ({
            name,
            uri: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`,
            digest: digest(sha256),
          })),
        ],
      },
      runDetails: { builder: { id: BUILDER_ID, version: { altee: alteeVersion } } },
    },
  };
  return `${JSON.stringify(statement, null, 2)}\n`;
}

/** Digests by name as subjects, in the order of the names. */
export function subjectsOf(files: ReadonlyMap<string, string>): Subject[] {
  return [...files]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, sha256]) => ({ name, digest: digest(sha256) }));
}

function digest(sha256: string): { sha256: string } {
  return { sha256: sha256.replace(/^sha256:/, '') };
}

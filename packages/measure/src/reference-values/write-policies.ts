import { MeasureError } from '../error.ts';
import { checkImageIdentity, checkPlatformName } from '../predict/parse-measurements.ts';
import { policyWarnings, whyNoAnchor } from './anchor.ts';
import { type Dialect, dialects } from './dialects.ts';
import type { NotWritten, PolicyFile, Release, Subject } from './policy-file.ts';
import { policyReadme } from './readme.ts';
import { type PolicyChoice, policySubject } from './subject.ts';

/** What to write. */
export interface PolicyOptions extends PolicyChoice {
  /** Names of dialects; all by default. */
  readonly dialects?: readonly string[] | undefined;
  /** Names of platforms; all by default. */
  readonly platforms?: readonly string[] | undefined;
  /** Files that somebody else made with a key, in place of what a dialect would write without one. */
  readonly signed?: readonly PolicyFile[] | undefined;
}

/** The contents of `policy/`. */
export interface PolicyFolder {
  /** Sorted by path; `README.txt` says what the others pin, and what they don't. */
  readonly files: readonly PolicyFile[];
  readonly notWritten: readonly NotWritten[];
  /** What people must know before they rely on the files, in sentences; `README.txt` begins with them. */
  readonly warnings: readonly string[];
}

/**
 * Reference values and policies for these images, in every dialect that has words for them. They pin registers with
 * status `predicted` and no others; what is left out stands in `leavesOut`, and in the files themselves where they
 * have room for it. The same input gives the same bytes.
 *
 * Throws `not-found` for a dialect, a platform, a PCR or a bank that was asked for and isn't there, and `malformed`
 * for names that could not stand in a file's name and for two images of one name and version.
 */
export function writePolicies(releases: readonly Release[], options: PolicyOptions = {}): PolicyFolder {
  const chosen = chooseDialects(options.dialects);
  const { subjects, unknown } = subjectsOf(releases, options);
  const results = chosen.map((dialect) => {
    const signed = options.signed?.filter((file) => file.dialect === dialect.name) ?? [];
    return signed.length > 0 ? { files: signed, notWritten: [] } : writeDialect(dialect, subjects, unknown);
  });
  const files = results.flatMap((result) => result.files);
  const notWritten = results.flatMap((result) => result.notWritten);
  const warnings = policyWarnings(subjects, files, chosen);
  const readme: PolicyFile = {
    path: 'README.txt',
    bytes: policyReadme(
      chosen,
      files,
      notWritten,
      warnings,
      subjects.flatMap(({ leftOut }) => leftOut),
    ),
    dialect: 'altee',
    covers: [],
    leavesOut: [],
  };
  return { files: [...files, readme].toSorted((a, b) => (a.path < b.path ? -1 : 1)), notWritten, warnings };
}

type Unwritable = Pick<NotWritten, 'image' | 'platform' | 'reason'>;

function writeDialect(
  dialect: Dialect,
  subjects: readonly Subject[],
  unknown: readonly Unwritable[],
): Omit<PolicyFolder, 'warnings'> {
  const { name } = dialect;
  const judged = subjects.map((subject) => ({ subject, reason: whyNot(dialect, subject) }));
  const usable = judged.flatMap(({ subject, reason }) => (reason === undefined ? subject : []));
  const unusable = judged.flatMap(({ subject: { image, platform }, reason }) =>
    reason === undefined ? [] : { image, platform, reason },
  );
  const { files, notWritten } = usable.length === 0 ? { files: [], notWritten: [] } : dialect.write(usable);
  return {
    files: files.map((file) => ({ ...file, dialect: name })),
    notWritten: [...unknown, ...unusable, ...notWritten].map((each) => ({ ...each, dialect: name })),
  };
}

/** Why a dialect says nothing of a platform; undefined where it does. */
function whyNot({ fits, decides }: Dialect, subject: Subject): string | undefined {
  const fit = fits[subject.technology];
  if (fit !== true) return fit;
  // Some verifiers accept every machine where nothing is named.
  if (decides && subject.pinned.length === 0)
    return 'No register is predicted, and a policy that pins nothing accepts anything';
  return decides ? whyNoAnchor(subject) : undefined;
}

function subjectsOf(
  releases: readonly Release[],
  options: PolicyOptions,
): { subjects: Subject[]; unknown: Unwritable[] } {
  const subjects: Subject[] = [];
  const unknown: Unwritable[] = [];
  const stems = new Set<string>();
  const wanted = new Set(options.platforms);
  for (const { image, platforms } of releases) {
    checkImageIdentity(image);
    for (const [platform, entry] of platforms) {
      checkPlatformName(platform);
      if (options.platforms && !options.platforms.includes(platform)) continue;
      wanted.delete(platform);
      const stem = releases.length === 1 ? platform : `${image.name}-${image.version}.${platform}`;
      if (stems.has(stem))
        throw new MeasureError('malformed', `Two images are called ${image.name} ${image.version}`);
      stems.add(stem);
      if ('unsupported' in entry) unknown.push({ image, platform, reason: entry.unsupported });
      else subjects.push(policySubject(image, platform, entry.kind, entry.prediction, options, stem));
    }
  }
  const [missing] = wanted;
  if (missing !== undefined) throw new MeasureError('not-found', `There is no platform "${missing}"`);
  return { subjects, unknown };
}

function chooseDialects(names: readonly string[] | undefined): readonly Dialect[] {
  if (names === undefined) return dialects;
  const known = dialects.map(({ name }) => name);
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined)
    throw new MeasureError('not-found', `There is no dialect "${wrong}"; known are ${known.join(', ')}`);
  return dialects.filter(({ name }) => names.includes(name));
}

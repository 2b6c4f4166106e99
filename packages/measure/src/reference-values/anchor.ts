import type { RegisterName, Technology } from '../predict/prediction.ts';
import type { Dialect } from './dialects.ts';
import { oneLine } from './encode.ts';
import type { PolicyFile, Subject } from './policy-file.ts';
import { subjectTitle } from './subject.ts';

interface Anchor {
  readonly register: RegisterName;
  /** What becomes of a decision without it: a clause that follows a colon. */
  readonly otherwise: string;
}

/**
 * The register without which the others can be made up, and a decision from them would be worth nothing: on machines
 * that measure firmware by themselves the one that measures it. For a TPM's firmware the machine's owner vouches, and
 * PCR 4 says what it started; PCR 8 to 15 are extended by whatever runs then.
 */
const anchors: Readonly<Record<Technology, Anchor>> = {
  tpm: { register: 'PCR4', otherwise: 'any other EFI program could extend PCR 8 to 15 with the same values' },
  tdx: { register: 'MRTD', otherwise: 'another firmware could make up every other register' },
  snp: { register: 'LAUNCH_DIGEST', otherwise: 'nothing else measures the machine' },
};

/** The register that says which program firmware started, and those that this program could make up. */
const programs: Readonly<Partial<Record<Technology, { register: RegisterName; others: string }>>> = {
  tpm: { register: 'PCR4', others: 'PCR 8 to 15' },
  tdx: { register: 'RTMR1', others: 'RTMR 2 and 3' },
};

/** Why no decision about this platform may be written; undefined where one may. Who chooses PCRs decides himself. */
export function whyNoAnchor(subject: Subject): string | undefined {
  const { register, otherwise } = anchors[subject.technology];
  if (subject.isChosen || isPinned(subject, register)) return undefined;
  return `${register} is not predicted: ${otherwise}`;
}

/** Whether what is pinned says which program was started, and not only what firmware is or what a program said of itself. */
export function pinsProgram(subject: Subject): boolean {
  const program = programs[subject.technology];
  if (program) return isPinned(subject, program.register);
  // A launch digest holds the image's hash where firmware is given it, and else nothing of what firmware starts.
  return subject.pinned.some(({ events }) => events.some(({ dependsOn }) => dependsOn.includes('image')));
}

/** What people must know before they rely on these files: sentences with full stops. */
export function policyWarnings(
  subjects: readonly Subject[],
  files: readonly PolicyFile[],
  dialects: readonly Dialect[],
): string[] {
  const deciding = new Set(dialects.filter(({ decides }) => decides).map(({ name }) => name));
  const decisions = files.filter(({ dialect }) => deciding.has(dialect) && dialect !== 'systemd-pcrsig');
  const withoutProgram = subjects.flatMap((subject) => {
    const { image, platform } = subject;
    const program = programs[subject.technology];
    const isDecided = decisions.some(({ covers }) =>
      covers.some((each) => each.image === image && each.platform === platform),
    );
    if (!program || !isDecided || isPinned(subject, program.register)) return [];
    return `${oneLine(subjectTitle(subject))}: ${program.register} is not pinned, so nothing says which program was started. Any other EFI program that the firmware starts can extend ${program.others} with the same values, which are public, and will be taken for this image: what is sealed opens for it.`;
  });
  const isSigned = files.some(({ dialect, covers }) => dialect === 'systemd-pcrsig' && covers.length > 0);
  return [...withoutProgram, ...(isSigned ? [SIGNED] : [])];
}

const SIGNED =
  'systemd/tpm2-pcr-signature.json holds for PCR 11 alone. Any other EFI program that the firmware starts can extend PCR 11 with the same values, which are public, and what is bound to the key opens for it. Bind the secret to PCR 4 as well, or to PCR 7 with Secure Boot on (systemd-cryptenroll --tpm2-pcrs=).';

function isPinned({ pinned }: Subject, name: RegisterName): boolean {
  return pinned.some(({ register }) => register === name);
}

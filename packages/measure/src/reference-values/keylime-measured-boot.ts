import { toHex } from '../bytes/hex.ts';
import { utf8 } from '../bytes/utf8.ts';
import type { HashName } from '../hash.ts';
import type { RecordedEvent, RecordedRegister } from '../predict/parse-json.ts';
import { encodeJson } from './encode.ts';
import { KEYLIME_POLICY_MODULE } from './keylime-policy-module.ts';
import { notCompared } from './keylime-tpm-policy.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered } from './subject.ts';

/**
 * PCRs whose values Keylime compares with the replay of the boot log (config.py `MEASUREDBOOT_PCRS`). What the module
 * says of others would be worth nothing, as nobody would have compared the log with the quote.
 */
const MEASURED_BOOT_PCRS: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15]);

/** Digests of the log that are compared, as far as the machine's TPM logs them. SHA-1 proves nothing. */
const BANKS: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/**
 * Keylime's measured boot: the reference state of each platform, and the policy module that reads it. Keylime's own
 * policy, `example`, wants shim and GRUB in the log and has no words for a unified kernel image, hence the module. The
 * state lists for each pinned PCR the digests of its events in order; events of other PCRs are accepted.
 */
export function writeKeylimeMeasuredBoot(subjects: readonly Subject[]): Written {
  const usable = subjects.filter((subject) => hasBank(subject) && subject.pinned.some(isCompared));
  const files = usable.map((subject) => {
    const { image, platform, stem, pinned, leftOut } = subject;
    const banks = BANKS.filter((bank) => subject.banks.includes(bank));
    const compared = pinned.filter(isCompared);
    const skipped = pinned.filter((register) => !compared.includes(register));
    const pcrs = compared.map(({ registerIndex, events }) => [
      registerIndex,
      events.map((event) => reference(event, banks)),
    ]);
    return {
      path: `keylime/${stem}.mb-refstate.json`,
      bytes: encodeJson({
        altee: 'keylime-measured-boot/v1',
        image,
        platform,
        pcrs: Object.fromEntries(pcrs),
        left_out: Object.fromEntries(leftOut.map(({ register, reason }) => [register, reason])),
      }),
      covers: covered(subject, compared, banks),
      leavesOut: [
        ...leftOut,
        ...skipped.map(({ register }) => ({
          image,
          platform,
          register,
          reason: 'Keylime does not compare this PCR with the boot log',
        })),
      ],
    };
  });
  const notWritten = subjects
    .filter((subject) => !usable.includes(subject))
    .map((subject) => ({
      image: subject.image,
      platform: subject.platform,
      reason: hasBank(subject) ? notCompared(subject.pinned) : 'SHA-1 digests prove nothing',
    }));
  if (files.length === 0) return { files, notWritten };
  const module = {
    path: 'keylime/altee_keylime_policy.py',
    bytes: utf8(KEYLIME_POLICY_MODULE),
    covers: [],
    leavesOut: [],
  };
  return { files: [module, ...files], notWritten };
}

function hasBank({ banks }: Subject): boolean {
  return banks.some((bank) => BANKS.includes(bank));
}

function isCompared({ registerIndex }: RecordedRegister): boolean {
  return MEASURED_BOOT_PCRS.has(registerIndex);
}

function reference(event: RecordedEvent, banks: readonly HashName[]): unknown {
  const digests = banks.flatMap((bank) => {
    const digest = event.digests[bank];
    return digest ? [[bank, `0x${toHex(digest)}`]] : [];
  });
  return {
    description: event.description,
    event_type: event.eventType,
    digests: Object.fromEntries(digests),
  };
}

import { equalBytes } from '../bytes/compare.ts';
import { utf8, utf16z } from '../bytes/text.ts';
import { defaultHasher, type Hasher, type HashName, hash, hashNames } from '../hash.ts';
import { readableText } from './decode/text.ts';
import { readVariableEvent } from './decode/variable-data.ts';
import type { LoggedEvent } from './event-log.ts';
import { type EventTypeName, eventTypeName } from './event-type.ts';

/**
 * How an event's digests stand to its data.
 *
 * - `verified`: every digest was recomputed from the data. What the data say was measured.
 * - `mismatch`: the type's digest covers the data, and is not theirs: the data say something that was not measured.
 * - `not-covered`: the digest is of something else (an image, a table), so that the data are the writer's word only.
 */
export type DigestVerdict = 'verified' | 'mismatch' | 'not-covered';

/** The verdict and what it rests on. */
export interface DigestCheck {
  readonly verdict: DigestVerdict;
  /** Which bytes the digests are of, or why that is not known; without full stop. */
  readonly reason: string;
}

type Candidate = { readonly what: string; readonly bytes: Uint8Array };
type Candidates = (data: Uint8Array) => readonly Candidate[];

/**
 * Types whose digest is of their data (PC Client Platform Firmware Profile 1.06, table 27), the bytes that the
 * specification names first, then those that firmware and loaders are known to hash instead.
 */
const covered: Readonly<Partial<Record<EventTypeName, Candidates>>> = {
  EV_SEPARATOR: (data) => [whole(data), { what: 'its first four bytes', bytes: data.subarray(0, 4) }],
  EV_ACTION: strings,
  EV_EFI_ACTION: strings,
  EV_OMIT_BOOT_DEVICE_EVENTS: strings,
  EV_S_CRTM_VERSION: (data) => [whole(data)],
  EV_EFI_VARIABLE_DRIVER_CONFIG: variable,
  // edk2 hashes the contents alone, which profiles before 1.06 left open.
  EV_EFI_VARIABLE_BOOT: variable,
  EV_EFI_VARIABLE_BOOT2: variable,
  EV_EFI_VARIABLE_AUTHORITY: (data) => [...variable(data), shimAuthority(data)],
  EV_EFI_GPT_EVENT: (data) => [whole(data)],
  EV_EFI_GPT_EVENT2: (data) => [whole(data)],
  EV_EFI_SPDM_DEVICE_POLICY: variable,
  EV_EFI_SPDM_DEVICE_AUTHORITY: variable,
};

/** Types whose digest is of something that the log does not hold. */
const notCovered: Readonly<Partial<Record<EventTypeName, string>>> = {
  EV_NO_ACTION: 'it extends nothing',
  EV_EFI_BOOT_SERVICES_APPLICATION: 'the digest is of the image (Authenticode)',
  EV_EFI_BOOT_SERVICES_DRIVER: 'the digest is of the image (Authenticode)',
  EV_EFI_RUNTIME_SERVICES_DRIVER: 'the digest is of the image (Authenticode)',
  EV_EFI_PLATFORM_FIRMWARE_BLOB: 'the digest is of the firmware volume',
  EV_EFI_PLATFORM_FIRMWARE_BLOB2: 'the digest is of the firmware volume',
  EV_EFI_HANDOFF_TABLES: 'the digest is of the tables',
  EV_EFI_HANDOFF_TABLES2: 'the digest is of the tables',
  EV_EFI_SPDM_FIRMWARE_BLOB: 'the digest is of the device’s measurement',
  EV_EFI_SPDM_FIRMWARE_CONFIG: 'the digest is of the device’s measurement',
};

/**
 * Recomputes an event's digests from its data where they cover it. An event counts as verified when one reading of
 * the data gives its digests in all banks that can be hashed. For types that leave it to their writer, a hit verifies
 * and a miss says nothing.
 */
export function checkDigests(event: LoggedEvent, hasher: Hasher = defaultHasher): DigestCheck {
  const name = event.untrustedContentType ?? eventTypeName(event.untrustedEventType);
  const because = lookUp(notCovered, name);
  if (because !== undefined) return { verdict: 'not-covered', reason: because };
  const banks = hashNames.filter((bank) => event.digests.has(bank));
  if (banks.length === 0) return { verdict: 'not-covered', reason: 'no digest that can be recomputed' };

  const rule = lookUp(covered, name);
  const candidates = attempt(() => (rule ?? anything)(event.untrustedData));
  const hit = candidates.find(({ bytes }) => banks.every((bank) => isDigestOf(event, bank, bytes, hasher)));
  if (hit) return { verdict: 'verified', reason: `the digests are of ${hit.what}` };
  if (!rule) return { verdict: 'not-covered', reason: 'the type leaves open what the digest is of' };
  return { verdict: 'mismatch', reason: 'the digests should be of the data, and are not' };
}

function isDigestOf(event: LoggedEvent, bank: HashName, bytes: Uint8Array, hasher: Hasher): boolean {
  const digest = event.digests.get(bank);
  return digest !== undefined && equalBytes(hash(hasher, bank, bytes), digest);
}

function whole(data: Uint8Array): Candidate {
  return { what: 'its data', bytes: data };
}

/** Strings are neither terminated nor counted, but some firmware logs them with a NUL (10.4.4). */
function strings(data: Uint8Array): Candidate[] {
  return [whole(data), { what: 'its text', bytes: withoutNul(data) }];
}

function variable(data: Uint8Array): Candidate[] {
  const all = [whole(data)];
  const { contents } = readVariableEvent(data);
  return [...all, { what: 'the variable’s contents', bytes: contents }];
}

/** shim before 15.4 logs a structure that is one byte longer than what it hashes (lib/tpm.c `tpm_measure_variable`). */
function shimAuthority(data: Uint8Array): Candidate {
  return { what: 'its data but the last byte, as old shims do it', bytes: data.subarray(0, -1) };
}

/** What loaders are known to hash where the specification leaves it to them. */
function anything(data: Uint8Array): Candidate[] {
  const candidates = [whole(data), { what: 'its text', bytes: withoutNul(data) }];
  // Tagged events: the data behind the tag.
  if (data.length > 8) candidates.push({ what: 'the tagged data', bytes: data.subarray(8) });
  const text = readableText(data);
  if (text === undefined) return candidates;
  // systemd-stub: a section's name in ASCII, where the event shows it in UTF-16 (src/boot/measure.c).
  if (/^[\x20-\x7e]+$/.test(text)) {
    const bytes = utf8(`${text}\0`);
    candidates.push({ what: 'the name', bytes }, { what: 'its text in UTF-16', bytes: utf16z(text) });
  }
  // GRUB: "grub_cmd: " stands before the text that is hashed (grub-core/commands/tpm.c).
  const [prefix] = /^[a-z_]+:? /.exec(text) ?? [];
  if (prefix !== undefined && data[1] !== 0)
    candidates.push(
      { what: 'the text behind its prefix', bytes: withoutNul(data).subarray(prefix.length) },
      { what: 'the text behind its prefix with its NUL', bytes: data.subarray(prefix.length) },
    );
  return candidates;
}

function withoutNul(data: Uint8Array): Uint8Array {
  const end = data.indexOf(0);
  return end < 0 ? data : data.subarray(0, end);
}

function attempt(read: () => readonly Candidate[]): readonly Candidate[] {
  try {
    return read();
  } catch {
    return [];
  }
}

function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

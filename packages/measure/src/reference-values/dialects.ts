import type { Technology } from '../predict/prediction.ts';
import { writeAlteeJson } from './altee-json.ts';
import { writeAttestedTls } from './attested-tls.ts';
import { writeAttestedTlsPortable } from './attested-tls-portable.ts';
import { writeConstellation } from './constellation.ts';
import { writeCorim } from './corim.ts';
import { writeCvmReverseProxy } from './cvm-reverse-proxy.ts';
import { writeKeylimeMeasuredBoot } from './keylime-measured-boot.ts';
import { writeKeylimeTpmPolicy } from './keylime-tpm-policy.ts';
import type { Subject, Written } from './policy-file.ts';
import { writeTpm2Policy } from './tpm2-policy.ts';
import { writeTrustee } from './trustee.ts';
import { writeUnsigned } from './unsigned.ts';

/** A format of reference values or policies, and who reads it. */
export interface Dialect {
  readonly name: string;
  /** Document or program, with the version that the writer was made for. */
  readonly consumer: string;
  /** For each technology: true where the dialect has words for it, else why not. */
  readonly fits: Readonly<Record<Technology, true | string>>;
  /** False where the file states facts, and nobody takes it for a decision. */
  readonly decides: boolean;
  readonly write: (subjects: readonly Subject[]) => Written;
}

const noSnp = 'It has no attestation type for SEV-SNP';
const noTpm = 'It knows no TPM but that of Azure, of which altee has no rules';
const tpmOnly = 'It reads PCRs of a TPM and nothing else';

/** Every dialect, in the order of the folder's README. A new one adds a row. */
export const dialects: readonly Dialect[] = [
  {
    name: 'altee',
    consumer: 'altee (altee/reference-values/v1)',
    fits: { tpm: true, tdx: true, snp: true },
    decides: false,
    write: writeAlteeJson,
  },
  {
    name: 'cvm-reverse-proxy',
    consumer: 'Flashbots cvm-reverse-proxy 0.1.8, measurements data schema v2',
    fits: { tpm: noTpm, tdx: true, snp: noSnp },
    decides: true,
    write: writeCvmReverseProxy,
  },
  {
    name: 'attested-tls',
    consumer: 'Flashbots attested-tls (attested-tls-proxy 1.1 and later), measurements file',
    fits: { tpm: noTpm, tdx: true, snp: noSnp },
    decides: true,
    write: writeAttestedTls,
  },
  {
    name: 'attested-tls-portable',
    consumer: 'Flashbots attested-tls (attested-tls-proxy 2.0 and later), portable measurement policy',
    fits: { tpm: noTpm, tdx: true, snp: noSnp },
    decides: true,
    write: writeAttestedTlsPortable,
  },
  {
    name: 'constellation',
    consumer: 'Edgeless Constellation 2.x, ImageMeasurementsV2',
    fits: {
      tpm: true,
      tdx: true,
      snp: 'It compares PCRs and TDX registers by number; a launch digest has no place in it',
    },
    decides: true,
    write: writeConstellation,
  },
  {
    name: 'trustee',
    consumer: 'CoCo Trustee, policies with query_reference_value() (after v0.15)',
    fits: { tpm: true, tdx: true, snp: true },
    decides: true,
    write: writeTrustee,
  },
  {
    name: 'keylime-tpm-policy',
    consumer: 'Keylime 7, TPM policy',
    fits: { tpm: true, tdx: tpmOnly, snp: tpmOnly },
    decides: true,
    write: writeKeylimeTpmPolicy,
  },
  {
    name: 'keylime-measured-boot',
    consumer: 'Keylime 7, measured-boot reference state and policy module',
    fits: { tpm: true, tdx: tpmOnly, snp: tpmOnly },
    decides: true,
    write: writeKeylimeMeasuredBoot,
  },
  {
    name: 'corim',
    consumer: 'draft-ietf-rats-corim-10, unsigned',
    fits: { tpm: true, tdx: true, snp: true },
    decides: false,
    write: writeCorim,
  },
  {
    name: 'tpm2-policy',
    consumer: 'TPM 2.0 Library part 3 (PolicyPCR, PolicyOR); tpm2-tools 5',
    fits: { tpm: true, tdx: 'There is no TPM to seal to', snp: 'There is no TPM to seal to' },
    decides: true,
    write: writeTpm2Policy,
  },
  {
    name: 'systemd-pcrsig',
    consumer: 'systemd 252 and later: tpm2-pcr-signature.json, section .pcrsig',
    fits: { tpm: true, tdx: 'systemd seals to TPMs alone', snp: 'systemd seals to TPMs alone' },
    decides: true,
    write: writeUnsigned,
  },
];

import type { Technology } from '../predict/prediction.ts';
import { comment } from './encode.ts';
import type { LeftOut } from './policy-file.ts';

/** One platform: its claims, the names of their reference values, and the values. */
export interface TrusteeRule {
  readonly technology: Technology;
  readonly title: string;
  readonly comparisons: readonly {
    readonly claim: string;
    readonly name: string;
    readonly values: readonly string[];
  }[];
  readonly leftOut: readonly LeftOut[];
}

/** Values of trust claims (draft-ietf-rats-ar4si, "Trustworthiness Claims"); the defaults are those of Trustee. */
const HEAD = `package policy

import rego.v1

# Attestation policy for Trustee: the image is what it should be. Written by altee.
# The reference values stand in reference-values.json and must be registered at the RVPS.

# 33: not recognised. 97: hardware not recognised. 36: configuration not available. 0: no assertion.
default executables := 33
default hardware := 97
default configuration := 36
default file_system := 0
default instance_identity := 0
default runtime_opaque := 0
default storage_opaque := 0
default sourced_data := 0

trust_claims := {
	"executables": executables,
	"hardware": hardware,
	"configuration": configuration,
	"file-system": file_system,
	"instance-identity": instance_identity,
	"runtime-opaque": runtime_opaque,
	"storage-opaque": storage_opaque,
	"sourced-data": sourced_data,
}
`;

/** What is asked of the machine itself, once for each technology. 2: genuine, or an approved configuration. */
const MACHINE: Readonly<Record<Technology, string>> = {
  tpm: `
# Of the machine nothing is claimed (0: no assertion): a quote does not show whether its TPM is one of hardware or emulated
# by whoever runs the machine.
hardware := 0 if input.tpm

configuration := 0 if input.tpm
`,
  tdx: `
# A quote of Intel's quoting enclave, of a module that is up to date, of a guest that nobody debugs.
hardware := 2 if {
	input.tdx.quote.header.tee_type == "81000000"
	input.tdx.quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input.tdx.tcb_status == "UpToDate"
	input.tdx.collateral_expiration_status == "0"
}

configuration := 2 if input.tdx.td_attributes.debug == false
`,
  snp: `
# Which versions of the processor's firmware are good enough is yours to say: register these four reference values.
hardware := 2 if {
	input.snp.evidence.reported_tcb.bootloader in query_reference_value("snp_bootloader")
	input.snp.evidence.reported_tcb.microcode in query_reference_value("snp_microcode")
	input.snp.evidence.reported_tcb.snp in query_reference_value("snp_snp_svn")
	input.snp.evidence.reported_tcb.tee in query_reference_value("snp_tee_svn")
}

configuration := 3 if {
	input.snp.evidence.policy.debug_allowed == false
	input.snp.evidence.policy.migrate_ma_allowed == false
}
`,
};

/** The policy's text. Every platform has a rule of its own, so that values of two platforms never mix. */
export function trusteePolicy(rules: readonly TrusteeRule[]): string {
  const technologies = [...new Set(rules.map(({ technology }) => technology))].toSorted();
  return [HEAD, ...rules.map(executables), ...technologies.map((technology) => MACHINE[technology])].join('');
}

/** 3: only approved executables were loaded. */
function executables({ title, comparisons, leftOut }: TrusteeRule): string {
  const notes = leftOut.map(({ register, reason }) => comment('#', `${register} is not compared. ${reason}`));
  const lines = comparisons.map(({ claim, name }) => `\t${claim} in query_reference_value("${name}")\n`);
  return `\n${comment('#', title)}${notes.join('')}executables := 3 if {\n${lines.join('')}}\n`;
}

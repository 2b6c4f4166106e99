import { findingsOf } from './check/issue.ts';
import { ManifestError } from './error.ts';
import { readDocument } from './parse-manifest.ts';
import type { Finding } from './problem.ts';
import { type AuditPolicy, auditPolicySchema } from './schema/audit-policy.ts';
import { nearest } from './source/tree.ts';

/**
 * Parses an audit policy, YAML or JSON, with every default filled in. Throws {@link ManifestError} with every problem, each
 * with its line and column. That its keys are keys is for whoever uses them to find out.
 */
export function parseAuditPolicy(input: Uint8Array | string, file: string): AuditPolicy {
  const { source, root, treeFindings } = readDocument(input, file);
  const result = auditPolicySchema.safeParse(root.value);
  const findings: Finding[] = result.success
    ? crossFindings(result.data).map((finding) => ({
        ...finding,
        offset: nearest(root, finding.path).located.offset,
      }))
    : result.error.issues.flatMap((issue) => findingsOf(issue, root, auditPolicySchema));
  const all = [...treeFindings, ...findings];
  if (!result.success || all.length > 0) throw new ManifestError(source.problems(all));
  return result.data;
}

function crossFindings({ auditors, require }: AuditPolicy): Omit<Finding, 'offset'>[] {
  const findings: Omit<Finding, 'offset'>[] = [];
  auditors.forEach(({ name }, index) => {
    if (auditors.findIndex((other) => other.name === name) < index)
      findings.push({
        path: ['auditors', index, 'name'],
        message: `There is another auditor named "${name}"`,
      });
  });
  if (require > auditors.length) {
    const message = `"require" is ${require}, and there are ${auditors.length} auditors: no release could pass`;
    findings.push({ path: ['require'], message });
  }
  return findings;
}

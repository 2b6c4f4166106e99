import { createHash } from 'node:crypto';
import { STEP_RULES } from './environment.ts';
import type { Step } from './executor.ts';

/**
 * The SHA-256 (64 hex digits) of all that a step's output may depend on: the executors' rules, the root, the
 * script, its environment and its inputs by content. What may not influence the output is left out: the step's
 * name, its limits, where files lie on this machine, the number of jobs.
 */
export function stepKey(step: Omit<Step, 'name' | 'limits'>): string {
  const inputs = Object.entries(step.inputs).map(([name, input]) => [name, input.digest]);
  return createHash('sha256')
    .update(
      canonicalJson({
        rules: STEP_RULES,
        root: step.root.digest,
        script: step.script,
        env: step.env,
        inputs: Object.fromEntries(inputs),
      }),
    )
    .digest('hex');
}

/** JSON of strings and objects of them, keys in code unit order, so that equal values give equal text. */
type Canonical = string | { readonly [key: string]: Canonical };

function canonicalJson(value: Canonical): string {
  if (typeof value === 'string') return JSON.stringify(value);
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? '')}`);
  return `{${fields.join(',')}}`;
}

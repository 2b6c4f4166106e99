import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataDir } from '../data-dir.ts';
import { BuilderError } from '../error.ts';
import type { Executor, Root, Step } from '../executor/executor.ts';
import { runStep } from '../executor/run-step.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';
import {
  compareWithReasons,
  type HardeningAspects,
  type HardeningVerdict,
  parseHardeningReasons,
  parseHardeningReport,
} from './hardening-report.ts';

export interface HardeningCheckInput {
  /** A folder in `kernels/`; its `hardening-checker.json` has the reasons. */
  readonly line: string;
  /** Path of the final `.config`. */
  readonly config: string;
  readonly cmdline: string;
  /** What `sysctl -a` says in the booted image, `name = value` a line; without it sysctls are not checked. */
  readonly sysctls?: string;
  readonly aspects: HardeningAspects;
}

export interface HardeningCheckContext {
  readonly executor: Executor;
  readonly store: Store;
  /** A root with Debian's `kernel-hardening-checker` and the Python that it needs. */
  readonly root: Root;
  readonly reporter: Reporter;
}

/**
 * Runs kernel-hardening-checker over a configuration, a command line and, where given, sysctls, and compares its
 * failures both ways with the reasons file. A mismatch is a result, not an error.
 */
export async function hardeningCheck(
  context: HardeningCheckContext,
  input: HardeningCheckInput,
): Promise<HardeningVerdict> {
  const config = await readFile(input.config);
  const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
  const step = hardeningCheckStep(context.root, { path: input.config, digest }, input.cmdline, input.sysctls);
  const out = await runStep(context.executor, context.store, step, context);
  const reasonsFile = join(dataDir('kernels'), input.line, 'hardening-checker.json');
  const reasons = parseHardeningReasons(await readFile(reasonsFile, 'utf8'), reasonsFile);
  const checks = parseHardeningReport(await readFile(join(out, 'report.json'), 'utf8'));
  return compareWithReasons(checks, reasons, input.aspects);
}

/** Throws `kernel-config` where the verdict is not clean, with a line for each mismatch. */
export function requireCleanVerdict({ unexplained, stale }: HardeningVerdict): void {
  if (unexplained.length === 0 && stale.length === 0) return;
  throw new BuilderError('kernel-config', 'The hardening checks and the reasons file do not agree', {
    details: [
      ...unexplained.map(
        (one) => `${one.option} should be "${one.wanted}": ${one.result}, and no reason is given`,
      ),
      ...stale.map((one) => `${one.option} has a reason, but its check does not fail: ${one.reason}`),
    ],
    hint: 'Set the option, or write the reason into hardening-checker.json of the kernel line',
  });
}

function hardeningCheckStep(
  root: Root,
  config: Step['inputs'][string],
  cmdline: string,
  sysctls: string | undefined,
): Step {
  const sysctlArgument = sysctls === undefined ? '' : ' --sysctl /build/sysctls';
  return {
    name: 'Check the hardening',
    root,
    script: `printf '%s\\n' "$KERNEL_CMDLINE" > /build/cmdline
printf '%s\\n' "$SYSCTLS" > /build/sysctls
kernel-hardening-checker --mode json --config /src/config --cmdline /build/cmdline${sysctlArgument} > "$OUT/report.json"
`,
    env: { KERNEL_CMDLINE: cmdline, SYSCTLS: sysctls ?? '' },
    inputs: { config },
    limits: { seconds: 300, outputBytes: 2 ** 24, processes: 64 },
  };
}

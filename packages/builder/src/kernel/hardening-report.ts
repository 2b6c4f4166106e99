import { z } from 'zod';
import { BuilderError } from '../error.ts';

/** One check of kernel-hardening-checker. */
const check = z.object({
  option_name: z.string(),
  type: z.enum(['kconfig', 'cmdline', 'sysctl']),
  desired_val: z.string(),
  check_result: z.string(),
  check_result_bool: z.boolean(),
});

export interface HardeningCheck {
  /** `CONFIG_X`, or the name of a kernel parameter or sysctl. */
  readonly option: string;
  readonly type: 'kconfig' | 'cmdline' | 'sysctl';
  /** What the checker recommends, such as `y`, `is not set` or `*selinux*`. */
  readonly wanted: string;
  readonly passed: boolean;
  /** The checker's words, such as `FAIL: is not found`. */
  readonly result: string;
}

/** A written reason why a check fails. */
export interface HardeningReason {
  readonly option: string;
  /** Needed only where an option has several checks. */
  readonly wanted?: string | undefined;
  readonly reason: string;
  /** The reason counts only for images without a network, or only where freed memory is not cleared. */
  readonly when?: 'no-network' | 'no-init-on-free' | undefined;
}

const reasonsSchema = z.array(
  z.strictObject({
    option: z.string().min(1),
    wanted: z.string().optional(),
    reason: z.string().min(10),
    when: z.enum(['no-network', 'no-init-on-free']).optional(),
  }),
);

/** What of the image decides which reasons count. */
export interface HardeningAspects {
  readonly network: boolean;
  readonly initOnFree: boolean;
  /** Options that the manifest excepts, each with a reason of its own. */
  readonly exceptions: readonly string[];
}

/** The outcome of a comparison: all is well where both lists are empty. */
export interface HardeningVerdict {
  readonly checks: readonly HardeningCheck[];
  /** Checks that fail although nobody said why. */
  readonly unexplained: readonly HardeningCheck[];
  /** Reasons for checks that pass or do not exist. */
  readonly stale: readonly HardeningReason[];
}

/**
 * Parses what `kernel-hardening-checker -m json` prints.
 *
 * @throws BuilderError `step-failed` for anything else
 */
export function parseHardeningReport(text: string): HardeningCheck[] {
  try {
    return z
      .array(check)
      .min(1)
      .parse(JSON.parse(text))
      .map((one) => ({
        option: one.option_name,
        type: one.type,
        wanted: one.desired_val,
        passed: one.check_result_bool,
        result: one.check_result,
      }));
  } catch (cause) {
    throw new BuilderError('step-failed', 'Cannot read the report of kernel-hardening-checker', { cause });
  }
}

/**
 * Parses the reasons file of a kernel line, `hardening-checker.json`.
 *
 * @throws BuilderError `kernel-config` for anything that is not a list of reasons
 */
export function parseHardeningReasons(text: string, file: string): HardeningReason[] {
  try {
    return reasonsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BuilderError('kernel-config', `Cannot read the reasons in "${file}"`, { cause });
  }
}

/** Compares both ways: each failing check has a reason, and each reason a failing check. */
export function compareWithReasons(
  checks: readonly HardeningCheck[],
  reasons: readonly HardeningReason[],
  aspects: HardeningAspects,
): HardeningVerdict {
  const counting = reasons.filter(({ when }) => when === undefined || holds[when](aspects));
  const failing = checks.filter((one) => !one.passed);
  const explains = (reason: HardeningReason, one: HardeningCheck): boolean =>
    reason.option === one.option && (reason.wanted === undefined || reason.wanted === one.wanted);
  return {
    checks,
    unexplained: failing.filter(
      (one) => !aspects.exceptions.includes(one.option) && !counting.some((reason) => explains(reason, one)),
    ),
    stale: counting.filter((reason) => !failing.some((one) => explains(reason, one))),
  };
}

const holds = {
  'no-network': (aspects: HardeningAspects) => !aspects.network,
  'no-init-on-free': (aspects: HardeningAspects) => !aspects.initOnFree,
} as const;

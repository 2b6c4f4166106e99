import { BuilderError } from '../error.ts';
import type { CmdlineParameter, ConfigOption } from './fragment.ts';
import type { KernelLine } from './kernel-line.ts';
import { mergeCmdline } from './merge-cmdline.ts';
import { mergeOptions } from './merge-options.ts';
import { selectFragments } from './select-fragments.ts';

/** What a manifest asks of its kernel. Symbols come without `CONFIG_`. */
export interface KernelRequest {
  readonly features: readonly string[];
  /** Whether the image has a network; without, no protocol and no network card is in the kernel. */
  readonly network: boolean;
  readonly require: readonly string[];
  readonly forbid: readonly string[];
  /** `CONFIG_X` or the name of a kernel parameter. Sysctls are PID 1's, and left alone here. */
  readonly exceptions: readonly { readonly option: string; readonly reason: string }[];
  /** The manifest's own kernel parameters; they come after those of the fragments. */
  readonly cmdline?: readonly string[];
  /** False: freed memory is not cleared, which saves a pass over all RAM at boot. Default true. */
  readonly initOnFree?: boolean;
  /** False only to measure what the hardening costs. Default true. */
  readonly hardening?: boolean;
}

/** A request with every fragment merged in. */
export interface MergedRequest {
  /** By symbol, in order of the fragments. */
  readonly options: ReadonlyMap<string, ConfigOption>;
  /** Must not be set, by symbol. */
  readonly forbidden: ReadonlyMap<string, ConfigOption>;
  readonly cmdline: readonly CmdlineParameter[];
}

/**
 * Merges the fragments of a kernel line with the wishes of a manifest.
 *
 * @throws BuilderError `invalid-input` for unknown features; `kernel-config` that lists every conflict, naming
 *   both places
 */
export function mergeRequest(line: KernelLine, request: KernelRequest): MergedRequest {
  const hardening = request.hardening ?? true;
  const fragments = selectFragments(line, { ...request, hardening });
  const problems: string[] = [];
  const { options, forbidden } = mergeOptions(line, fragments, { ...request, hardening }, problems);
  const cmdline = mergeCmdline(
    fragments,
    hardening ? line.forbidden.cmdline : [],
    {
      cmdline: request.cmdline ?? [],
      exceptions: request.exceptions.map((exception) => exception.option),
      initOnFree: (request.initOnFree ?? true) || !hardening,
    },
    problems,
  );
  if (problems.length > 0) {
    throw new BuilderError('kernel-config', 'The wishes for the kernel contradict each other', {
      details: problems,
      hint: 'A hardening option is taken back under "hardening.exceptions", with a reason',
    });
  }
  return { options, forbidden, cmdline };
}

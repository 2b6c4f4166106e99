import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import type { Executor, Root } from '../executor/executor.ts';
import { outputDigest, runStep } from '../executor/run-step.ts';
import { stepKey } from '../executor/step-key.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';
import { kernelBuildStep, randstructSeed } from './build-step.ts';
import { checkConfig } from './check-config.ts';
import { encodeCmdline } from './cmdline.ts';
import { type KernelConfig, kernelVersion, parseKernelConfig } from './config.ts';
import { encodeRequest, kernelConfigStep } from './config-step.ts';
import { didYouMean } from './did-you-mean.ts';
import { explainConfigProblem } from './explain-config.ts';
import { readKconfig } from './kconfig.ts';
import { loadKernelLine } from './kernel-line.ts';
import { type KernelRequest, type MergedRequest, mergeRequest } from './request.ts';
import { type KernelSource, kernelSourceStep } from './source-step.ts';

export interface KernelContext {
  readonly executor: Executor;
  readonly store: Store;
  /** The lock's root `kernel`. */
  readonly root: Root;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

export interface KernelInput {
  /** A folder in `kernels/`, such as `linux-6.12`. */
  readonly line: string;
  readonly source: KernelSource;
  readonly request: KernelRequest;
}

/** A kernel configuration that is what was asked for. */
export interface ConfiguredKernel {
  /** Path of the unpacked source. */
  readonly source: string;
  /** Path of the final `.config`. */
  readonly config: string;
  /** `6.12.107`: as the configuration's header says. */
  readonly version: string;
  /** The kernel command line, parameters separated by one blank. */
  readonly cmdline: string;
}

export interface BuiltKernel extends ConfiguredKernel {
  /** Path of the EFI-bootable kernel. */
  readonly bzImage: string;
  /** Key of the build step: kernels with the same key are the same file. */
  readonly key: string;
}

/**
 * Builds the kernel of an image, or takes it from the store: kernels with the same source, toolchain and final
 * configuration are one.
 *
 * @throws BuilderError `invalid-input` for unknown lines, features and symbols; `kernel-config` where the final
 *   configuration is not what was asked for, with the missing dependencies; and what the steps throw
 */
export async function buildKernel(context: KernelContext, input: KernelInput): Promise<BuiltKernel> {
  const { configured, sourcePath } = await configure(context, input);
  const config = await readFile(configured.config);
  const step = kernelBuildStep(
    context.root,
    { path: sourcePath, digest: await outputDigest(sourcePath) },
    { path: configured.config, digest: `sha256:${createHash('sha256').update(config).digest('hex')}` },
    randstructSeed(configured.version, config.toString('utf8')),
  );
  const out = await runStep(context.executor, context.store, step, context);
  return { ...configured, bzImage: join(out, 'bzImage'), key: stepKey(step) };
}

/** The first half of {@link buildKernel}: the final configuration, checked, without the build. */
export async function configureKernel(context: KernelContext, input: KernelInput): Promise<ConfiguredKernel> {
  return (await configure(context, input)).configured;
}

async function configure(
  context: KernelContext,
  { line, source, request }: KernelInput,
): Promise<{ configured: ConfiguredKernel; sourcePath: string }> {
  const kernelLine = await loadKernelLine(line);
  const merged = mergeRequest(kernelLine, request);
  const { executor, store, root } = context;

  const sourcePath = await runStep(executor, store, kernelSourceStep(root, source), context);
  const sourceInput = { path: sourcePath, digest: await outputDigest(sourcePath) };
  const configStep = kernelConfigStep(root, sourceInput, encodeRequest(merged.options.values()));
  const configOut = await runStep(executor, store, configStep, context);

  await checkSymbolNames(join(configOut, 'symbols'), request);
  const text = await readFile(join(configOut, 'config'), 'utf8');
  await checkFinalConfig(merged, parseKernelConfig(text), sourcePath, request.network);
  const version = kernelVersion(text);
  checkVersion(version, source.version, kernelLine.name);
  const configured = {
    source: sourcePath,
    config: join(configOut, 'config'),
    version,
    cmdline: encodeCmdline(merged.cmdline),
  };
  return { configured, sourcePath };
}

/** A typing error under `forbid` would otherwise forbid nothing, silently. */
async function checkSymbolNames(symbolsFile: string, request: KernelRequest): Promise<void> {
  const known = new Set((await readFile(symbolsFile, 'utf8')).split('\n'));
  const asked = [
    ...request.require.map((symbol) => ['kernel.require', symbol] as const),
    ...request.forbid.map((symbol) => ['kernel.forbid', symbol] as const),
  ];
  const unknown = asked.filter(([, symbol]) => !known.has(symbol));
  if (unknown.length === 0) return;
  throw new BuilderError(
    'invalid-input',
    'The manifest names kernel symbols that this kernel does not have',
    {
      details: unknown.map(([key, symbol]) => `${key}: CONFIG_${symbol}${didYouMean(symbol, known)}`),
      hint: 'Correct the names; symbols come and go between kernel lines',
    },
  );
}

async function checkFinalConfig(
  merged: MergedRequest,
  config: KernelConfig,
  sourcePath: string,
  network: boolean,
): Promise<void> {
  const problems = checkConfig(merged, config);
  if (problems.length === 0) return;
  const kconfig = await readKconfig(sourcePath);
  const details = problems.map((problem) => explainConfigProblem(problem, kconfig, config));
  const withoutNetwork = !network && details.some((line) => /\b(?:INET|NETDEVICES) \(is n/.test(line));
  throw new BuilderError('kernel-config', 'The kernel configuration came out other than asked for', {
    details,
    hint: withoutNetwork
      ? 'The image has no network ("network.mode" is none): INET and NETDEVICES come with one'
      : 'Ask for the missing dependencies under "kernel.require" or "kernel.features", or drop the wish',
  });
}

function checkVersion(found: string, said: string | undefined, line: string): void {
  const series = line.replace(/^linux-/, '');
  const wrong = said !== undefined && said !== found ? `version ${said}` : undefined;
  const otherSeries = found.startsWith(`${series}.`) || found === series ? undefined : `the line "${line}"`;
  const wanted = wrong ?? otherSeries;
  if (wanted === undefined) return;
  throw new BuilderError('kernel-config', `The kernel source holds version ${found}, not ${wanted}`, {
    hint: 'The fragments of a line fit its own series only: set "kernel.line" and "kernel.source" together',
  });
}

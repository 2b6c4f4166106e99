import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Lock } from '@altee/manifest';
import { LockError, ManifestError } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import type { ExecutorName } from '../executor/executors.ts';
import { gatherIdentityFacts, isPrivileged } from '../executor/identity.ts';
import { writeAt, writeFileAtomically } from '../image/atomic-file.ts';
import { parseSums, SUMS_FILE } from '../image/sums.ts';
import type { Project } from '../project.ts';
import { RELEASE_FILES } from '../release/make-release.ts';
import { STATEMENT_TYPE, subjectsOf } from '../release/provenance.ts';
import { encodePublicKey, keyId, readPublicKey } from '../release/public-key.ts';
import { readSigningKey } from '../release/signing-key.ts';
import { removeTree } from '../store/remove-tree.ts';
import type { WorkshopOptions } from '../workshop.ts';
import {
  AUDIT_TYPE,
  type AuditFinding,
  type AuditStatement,
  encodeAuditStatement,
} from './audit-statement.ts';
import { compareFiles, type SummedFolder } from './compare.ts';
import {
  type ConditionPlan,
  conditionsOf,
  memoryFolder,
  NEVER_VARIED,
  planConditions,
  rebuildFolder,
} from './conditions.ts';
import { signEnvelope } from './dsse.ts';
import { type AuditInputs, prepareInputs, rebuildStore } from './inputs.ts';
import { findLeak, leakingSteps, type Rebuild } from './leaks.ts';
import { openRelease, type VerifiedRelease } from './open-release.ts';
import { type Launcher, rebuildUnder, runsUnder } from './rebuild.ts';
import { recompute } from './recompute.ts';
import { openReleasedProject, placeProject, publisherVersion } from './released-project.ts';
import { type Reusable, reuseKernel } from './reuse.ts';
import { auditFolder } from './work-folder.ts';

export interface AuditOptions extends WorkshopOptions {
  /** A folder or an http(s) URL. */
  readonly release: string;
  /** The auditor's private key. */
  readonly keyFile: string;
  /** The publisher's public key; without it the one in the release serves, which is a limit of the statement. */
  readonly publisherKeyFile?: string;
  /** Where the statement goes. */
  readonly statementFile: string;
  /** How often to build: once, or twice under different conditions. */
  readonly rebuilds: 1 | 2;
  /** What runs the steps of each rebuild; one name serves for both. */
  readonly executors: readonly ExecutorName[];
  readonly reuse: readonly Reusable[];
  /** Where the rebuilds go, on a disk; `TMPDIR` or `/var/tmp` by default. */
  readonly workDir?: string;
  /** How this program is started: Node, its options, the program. */
  readonly program: readonly string[];
  readonly alteeVersion: string;
}

export interface AuditResult {
  readonly reproduced: boolean;
  readonly statementFile: string;
  readonly statement: AuditStatement;
}

/** What an audit finds out, step by step. */
interface Outcome {
  readonly findings: AuditFinding[];
  readonly limits: string[];
  plan: readonly ConditionPlan[];
  rebuilds: number;
  /** When each rebuild began, in milliseconds. */
  readonly started: number[];
  measurements: Record<string, Record<string, unknown>>;
}

/** Failures that lie in what was published and not in this machine: the release cannot be reproduced. */
const RELEASES_OWN: ReadonlySet<string> = new Set([
  'project',
  'invalid-input',
  'lock-outdated',
  'lock-invalid',
  'archive-hostile',
  'archive-malformed',
  'step-failed',
  'step-limit',
  'kernel-config',
  'app-unusable',
  'image-invalid',
  'image-leaks',
]);

/**
 * `altee audit`: verifies a release, rebuilds it from its own manifest and lock, compares every file, recomputes its
 * measurements, and writes a signed statement, whole or not at all. Nothing that this machine built before is used unless
 * `reuse` names it.
 *
 * Throws what `openRelease` throws for releases that are not as their publisher signed them, and errors of this machine;
 * a release that cannot be rebuilt, lacks something or comes out otherwise is a result.
 */
export async function audit(options: AuditOptions): Promise<AuditResult> {
  const { reporter, keyFile, publisherKeyFile, signal } = options;
  const { warning, ...key } = await readSigningKey(keyFile);
  if (warning !== undefined) reporter.warn(warning);
  const publisherKey = publisherKeyFile === undefined ? undefined : await readPublicKey(publisherKeyFile);
  await checkStatementFile(options);
  const startedOn = new Date();
  const work = await auditFolder(options.workDir);
  try {
    await chmod(work.path, 0o711);
    const folder = join(work.path, 'release');
    await mkdir(folder);
    const task = reporter.start('Verify signature and sums');
    const release = await openRelease(options.release, folder, publisherKey, signal);
    task.done(`${release.sums.size} files`);
    if (!release.publisherGiven) {
      reporter.warn(
        `No --publisher-key: the release vouches for itself, signed by ${keyId(release.publisher)}. Compare this with what the publisher says`,
      );
    }
    const outcome = await examine(options, release, work.path);
    signal?.throwIfAborted();
    const statement = await stateIt(options, release, outcome, startedOn);
    const envelope = signEnvelope(Buffer.from(encodeAuditStatement(statement)), key);
    await writeFileAtomically(options.statementFile, (file) => writeAt(file, Buffer.from(envelope), 0));
    return {
      reproduced: statement.predicate.verdict === 'reproduced',
      statementFile: options.statementFile,
      statement,
    };
  } finally {
    await work.dispose();
  }
}

async function examine(options: AuditOptions, release: VerifiedRelease, base: string): Promise<Outcome> {
  const outcome: Outcome = { findings: [], limits: [], plan: [], rebuilds: 0, started: [], measurements: {} };
  const { findings } = outcome;
  const required = [RELEASE_FILES.manifest, RELEASE_FILES.lock, RELEASE_FILES.source];
  for (const subject of release.missing)
    findings.push({
      kind: 'missing',
      subject,
      message: `The release lacks "${subject}", which its ${SUMS_FILE} lists`,
    });
  for (const subject of required.filter((name) => !release.sums.has(name)))
    findings.push({
      kind: 'missing',
      subject,
      message: `The release has no "${subject}", without which nobody can rebuild it`,
    });
  // What is not there is never guessed at: a release that lacks something is not reproduced.
  if (findings.length > 0) return outcome;
  try {
    const project = await openReleasedProject(release, join(base, 'project'));
    await examineProject(options, release, base, project, outcome);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isReleasesOwn(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    findings.push({ kind: 'failed', subject: 'release', message });
  }
  return outcome;
}

async function examineProject(
  options: AuditOptions,
  release: VerifiedRelease,
  base: string,
  { project, lock, signedImage }: { project: Project; lock: Lock; signedImage: string | undefined },
  outcome: Outcome,
): Promise<void> {
  const isRoot = isPrivileged(await gatherIdentityFacts());
  const memory = (await memoryFolder()) === undefined ? undefined : await auditFolder('/dev/shm');
  try {
    const inputs = await inputsOf(options, lock, join(base, 'inputs'), isRoot);
    const launcher: Launcher = {
      root: await inputs.roots.get('image'),
      isRoot,
      program: options.program,
      memory: memory?.path,
      signal: options.signal,
    };
    outcome.plan = await planFor(options, launcher, base);
    const rebuilds: (Rebuild & SummedFolder)[] = [];
    for (const which of ([0, 1] as const).slice(0, options.rebuilds)) {
      const input = { which, base, inputs, project, lock, signedImage };
      const rebuild = await rebuildTolerantly(options, release, launcher, outcome, input);
      if (rebuild === undefined) return;
      rebuilds.push(rebuild);
      outcome.rebuilds++;
      outcome.started.push(rebuild.started);
    }
    const [first, second] = rebuilds;
    outcome.findings.push(
      ...(await compareFiles(release, rebuilds, ['the first rebuild', 'the second rebuild'])),
    );
    if (first && second) await nameLeaks(options, launcher, outcome, base, first, second);
    const recomputed = await recompute(release, { project, lock, ...inputs }, join(base, 'recomputed'));
    const known = new Set(outcome.findings.map(({ subject }) => subject));
    outcome.findings.push(...recomputed.findings.filter(({ subject }) => !known.has(subject)));
    outcome.measurements = recomputed.measurements;
  } finally {
    await memory?.dispose();
  }
}

const OTHER_USER = 65534;

async function inputsOf(
  options: AuditOptions,
  lock: Lock,
  dir: string,
  isRoot: boolean,
): Promise<AuditInputs> {
  return prepareInputs(options, lock, dir, isRoot && options.rebuilds === 2 ? OTHER_USER : undefined);
}

/** Asks this machine which conditions can be varied. */
async function planFor(options: AuditOptions, launcher: Launcher, base: string): Promise<ConditionPlan[]> {
  const [first = 'sandbox', second = first] = options.executors;
  const facts = {
    isRoot: launcher.isRoot,
    processors: availableParallelism(),
    memoryFolder: launcher.memory,
    oldKernel: true,
    otherUser: true,
    executors: [first, second] as const,
  };
  const plan = planConditions(facts);
  if (options.rebuilds === 1) return plan.map(({ name, values }) => onlyOnce(name, values[0]));
  const runs = (name: 'user' | 'kernel release') => runsUnder(launcher, conditionsOf(plan, 1, name), base);
  // Only the sandbox has no service of its own that another user would have to be let in to.
  const otherUser = second === 'sandbox' && (await runs('user'));
  return planConditions({ ...facts, otherUser, oldKernel: await runs('kernel release') });
}

function onlyOnce(name: ConditionPlan['name'], value: string): ConditionPlan {
  return { name, values: [value, value], reason: 'one rebuild was asked for' };
}

interface RebuildInput {
  readonly which: 0 | 1;
  readonly base: string;
  readonly inputs: AuditInputs;
  readonly project: Project;
  readonly lock: Lock;
  readonly signedImage: string | undefined;
}

/** As {@link rebuildOnce}; tools that refuse to run under an old kernel get the real one, which is said. */
async function rebuildTolerantly(
  options: AuditOptions,
  release: VerifiedRelease,
  launcher: Launcher,
  outcome: Outcome,
  input: RebuildInput,
): Promise<(Rebuild & SummedFolder) | undefined> {
  const before = outcome.findings.length;
  const rebuild = await rebuildOnce(options, release, launcher, outcome, input);
  const release26 = outcome.plan.find(({ name }) => name === 'kernel release');
  if (rebuild || input.which === 0 || release26?.reason !== undefined) return rebuild;
  outcome.findings.length = before;
  outcome.plan = outcome.plan.map((one) =>
    one === release26
      ? { ...one, values: [one.values[0], one.values[0]], reason: 'a build step fails under another one' }
      : one,
  );
  await removeTree(rebuildFolder(input.base, conditionsOf(outcome.plan, input.which)));
  return rebuildOnce(options, release, launcher, outcome, input);
}

/** One rebuild; undefined where it failed, which is a finding. */
async function rebuildOnce(
  options: AuditOptions,
  release: VerifiedRelease,
  launcher: Launcher,
  outcome: Outcome,
  { which, base, inputs, project, lock, signedImage }: RebuildInput,
): Promise<(Rebuild & SummedFolder) | undefined> {
  const conditions = conditionsOf(outcome.plan, which);
  const folder = rebuildFolder(base, conditions);
  const storeDir = join(folder, 'store');
  await rebuildStore(storeDir, inputs.workshop.store);
  if (options.reuse.includes('kernel')) await reuseKernel(options, project, lock, [storeDir]);
  const manifestFile = await placeProject(release, join(folder, 'project'));
  const [recordFile, outDir] = [join(folder, 'steps.jsonl'), join(folder, 'out')];
  const ordinal = which === 0 ? 'first' : 'second';
  const task = options.reporter.start(`Rebuild, ${ordinal} time`);
  const started = Date.now();
  const answer = await rebuildUnder(
    launcher,
    conditions,
    folder,
    {
      kind: 'release',
      manifestFile,
      storeDir,
      outDir,
      alteeVersion: (await publisherVersion(release)) ?? options.alteeVersion,
      publisher: encodePublicKey(release.publisher),
      signedImage,
      recordFile,
    },
    task,
  );
  const finished = Date.now();
  task.done();
  if (!answer.ok) {
    const { code, message, hint, details } = answer.error;
    if (!RELEASES_OWN.has(code)) {
      const known = code === 'internal' || code === 'project' ? 'machine-failed' : code;
      throw new BuilderError(known, `The ${ordinal} rebuild failed: ${message}`, {
        details,
        ...(hint === undefined ? {} : { hint }),
      });
    }
    const tail = details.length > 0 ? `: ${details.slice(-3).join(' | ')}` : '';
    outcome.findings.push({ kind: 'failed', subject: `${ordinal} rebuild`, message: `${message}${tail}` });
    return undefined;
  }
  const sums = parseSums(await readFile(join(outDir, SUMS_FILE), 'utf8'), join(outDir, SUMS_FILE));
  return { conditions, storeDir, recordFile, started, finished, folder: outDir, sums };
}

async function nameLeaks(
  options: AuditOptions,
  launcher: Launcher,
  outcome: Outcome,
  base: string,
  first: Rebuild & SummedFolder,
  second: Rebuild & SummedFolder,
): Promise<void> {
  // Both came out the same: what is different from the published files is nothing that was varied here.
  if ([...first.sums].every(([name, sha256]) => second.sums.get(name) === sha256)) return;
  const leaking = await leakingSteps(first, second);
  if (leaking.length === 0) return;
  const task = options.reporter.start('Find what leaks');
  const folder = join(base, 'leaks');
  await mkdir(folder, { recursive: true });
  const hunt = { launcher, plan: outcome.plan, folder, task, times: [first, second] as const };
  for (const step of leaking) outcome.findings.push(await findLeak(hunt, step));
  task.done();
}

function isReleasesOwn(error: unknown): boolean {
  if (error instanceof ManifestError || error instanceof LockError) return true;
  return error instanceof BuilderError && RELEASES_OWN.has(error.code);
}

/** Everything that was found, as the statement that will be signed. */
async function stateIt(
  options: AuditOptions,
  release: VerifiedRelease,
  outcome: Outcome,
  startedOn: Date,
): Promise<AuditStatement> {
  const { findings, plan, rebuilds, measurements } = outcome;
  const published = (await publisherVersion(release)) ?? 'unknown';
  const limits = [
    ...outcome.limits,
    ...options.reuse.map((what) => `the ${what} was taken from this machine's store and not rebuilt`),
    ...(release.publisherGiven
      ? []
      : ["the publisher's key was taken from the release itself: who signed it is not established"]),
    ...(rebuilds === 1 ? ['one rebuild was made: what one machine always does the same was not tried'] : []),
    ...(published === options.alteeVersion
      ? []
      : [`published with altee ${published}, rebuilt with ${options.alteeVersion}`]),
  ];
  const isReproduced = findings.length === 0 && rebuilds > 0;
  return {
    _type: STATEMENT_TYPE,
    subject: [...subjectsOf(new Map([[SUMS_FILE, release.sumsSha256]])), ...subjectsOf(release.sums)],
    predicateType: AUDIT_TYPE,
    predicate: {
      verdict: isReproduced ? 'reproduced' : 'not-reproduced',
      release: await identityOf(release),
      publisher: { keyId: keyId(release.publisher), given: release.publisherGiven },
      altee: { auditor: options.alteeVersion, publisher: published },
      startedOn: startedOn.toISOString(),
      finishedOn: new Date().toISOString(),
      rebuilds,
      conditions: [
        ...plan.map(({ name, values, reason }) => ({
          name,
          values: [...values].slice(0, Math.max(1, rebuilds)),
          varied: reason === undefined,
          ...(reason === undefined ? {} : { reason }),
        })),
        {
          name: 'time',
          values: outcome.started.map((time) => new Date(time).toISOString()),
          varied: rebuilds === 2,
          reason: 'the clock is not set: the rebuilds ran one after the other',
        },
        ...NEVER_VARIED.map(({ name, reason }) => ({ name, values: [], varied: false, reason })),
      ],
      findings: findings.slice(0, 1000),
      limits,
      measurements,
    },
  };
}

async function identityOf(release: VerifiedRelease): Promise<{ name: string; version: string }> {
  try {
    const text = await readFile(join(release.folder, 'measurements.json'), 'utf8');
    const { image } = JSON.parse(text) as { image?: { name?: unknown; version?: unknown } };
    return { name: String(image?.name).slice(0, 200), version: String(image?.version).slice(0, 200) };
  } catch {
    return { name: 'unknown', version: 'unknown' };
  }
}

/** Before all that takes long. Throws `invalid-input` where the statement cannot be written, or would change the release. */
async function checkStatementFile({ statementFile, release }: AuditOptions): Promise<void> {
  const found = await stat(statementFile).catch(() => undefined);
  const folder = join(statementFile, '..');
  const parent = await stat(folder).catch(() => undefined);
  const same = await stat(release).catch(() => undefined);
  const refuse = (why: string) =>
    new BuilderError('invalid-input', `Cannot write the statement "${statementFile}": ${why}`, {
      hint: 'Give another file with --out',
    });
  if (found && !found.isFile()) throw refuse('it is no file');
  if (!parent?.isDirectory()) throw refuse('there is no such folder');
  if (same && parent.dev === same.dev && parent.ino === same.ino)
    throw refuse('it would stand in the release, which then is no longer what was signed');
}

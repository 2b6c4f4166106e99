import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Task } from '../report.ts';
import { ifPresent } from '../store/errno.ts';
import { removeTree } from '../store/remove-tree.ts';
import type { AuditFinding } from './audit-statement.ts';
import { type ConditionName, type ConditionPlan, type Conditions, conditionsOf } from './conditions.ts';
import { type Launcher, readRecord, rebuildUnder } from './rebuild.ts';
import type { RecordedStep } from './rebuild-step.ts';
import { looksLikeTime } from './time-trace.ts';
import { firstTreeDifference } from './tree-difference.ts';

/** One finished rebuild. */
export interface Rebuild {
  readonly conditions: Conditions;
  readonly storeDir: string;
  readonly recordFile: string;
  /** When it ran, in milliseconds. */
  readonly started: number;
  readonly finished: number;
}

/** A step that gave different outputs for the same inputs. */
export interface LeakingStep {
  readonly recorded: RecordedStep;
  /** Its outputs, `$OUT` of each rebuild. */
  readonly outputs: readonly [first: string, second: string];
  readonly digests: readonly [first: string, second: string];
}

/**
 * The steps that both rebuilds ran with the same key and whose outputs differ, as far as the difference reaches the image: a
 * compiler's cache may hold times, as long as what is made with it comes out the same. Later steps have other inputs, and so
 * other keys.
 */
export async function leakingSteps(first: Rebuild, second: Rebuild): Promise<LeakingStep[]> {
  const steps = await readRecord(first.recordFile);
  const others = await readRecord(second.recordFile);
  const leaking: LeakingStep[] = [];
  for (const recorded of steps.values()) {
    if (!(await reachesImage(recorded, first, second, [...steps.values()], [...others.values()]))) continue;
    const [one, other] = [outputOf(first, recorded.key), outputOf(second, recorded.key)];
    const digests = [await digestOf(one), await digestOf(other)] as const;
    if (digests[0] === undefined || digests[1] === undefined || digests[0] === digests[1]) continue;
    leaking.push({
      recorded,
      outputs: [join(one, 'out'), join(other, 'out')],
      digests: [digests[0], digests[1]],
    });
  }
  return leaking;
}

/** Whether no step reads the output, so that it is a part of the image, or a step that does comes out differently. */
async function reachesImage(
  { key }: RecordedStep,
  first: Rebuild,
  second: Rebuild,
  steps: readonly RecordedStep[],
  others: readonly RecordedStep[],
): Promise<boolean> {
  const readers = steps.filter(({ step }) =>
    Object.values(step.inputs).some(({ path }) => path.startsWith(`${outputOf(first, key)}/`)),
  );
  if (readers.length === 0) return true;
  for (const reader of readers) {
    const twin = others.find(
      ({ step }) => step.name === reader.step.name && step.script === reader.step.script,
    );
    const digests = [
      await digestOf(outputOf(first, reader.key)),
      twin && (await digestOf(outputOf(second, twin.key))),
    ];
    if (digests[0] === digests[1] && digests[0] !== undefined) continue;
    if (await reachesImage(reader, first, second, steps, others)) return true;
  }
  return false;
}

function outputOf({ storeDir }: Rebuild, key: string): string {
  return join(storeDir, 'trees/output', key);
}

async function digestOf(tree: string): Promise<string | undefined> {
  return (await ifPresent(readFile(join(tree, 'digest'), 'utf8')))?.trim();
}

export interface LeakHunt {
  readonly launcher: Launcher;
  readonly plan: readonly ConditionPlan[];
  readonly folder: string;
  readonly task: Task;
  /** Start and end of the two rebuilds. */
  readonly times: readonly [Pick<Rebuild, 'started' | 'finished'>, Pick<Rebuild, 'started' | 'finished'>];
}

/** Long enough for every clock that counts seconds to go on. */
const SECOND_MS = 1100;

/**
 * Says which condition leaks into a step: the step runs again under the first rebuild's conditions, twice, then with one
 * condition of the second at a time. What changes by itself is time or chance, and told by what it left in the output.
 */
export async function findLeak(
  hunt: LeakHunt,
  { recorded, outputs, digests }: LeakingStep,
): Promise<AuditFinding> {
  const { step } = recorded;
  const place = await firstTreeDifference(outputs[0], outputs[1]);
  const where = `step "${step.name}" gives different bytes in ${place.text}`;
  const finding = (condition: string | undefined, why: string): AuditFinding => ({
    kind: 'leak',
    subject: step.name,
    message: `${capital(where)}; ${why}`,
    ...(condition === undefined ? {} : { condition }),
  });
  const run = (only?: ConditionName) => runAgain(hunt, recorded, only);

  const again = await run();
  await new Promise((resolve) => setTimeout(resolve, SECOND_MS));
  const onceMore = await run();
  if (again === undefined || onceMore === undefined)
    return finding(undefined, 'it failed when it ran once more under the same conditions');
  if (again.digest !== onceMore.digest || again.digest !== digests[0]) {
    if (looksLikeTime(place, hunt.times)) return finding('time', 'the time of the build is written there');
    const serial = await serialRuns(hunt, recorded, again.digest !== onceMore.digest);
    if (serial) return finding('jobs', 'it is stable with one job alone: jobs race with each other');
    return finding(
      'chance',
      'it changes from run to run under the same conditions: a clock, random numbers, process ids, or the order in which things end',
    );
  }
  const leaking: ConditionName[] = [];
  for (const { name, values } of hunt.plan) {
    if (values[0] === values[1]) continue;
    const changed = await run(name);
    if (changed !== undefined && changed.digest !== digests[0]) leaking.push(name);
  }
  if (leaking.length === 0)
    return finding(undefined, 'no condition alone brings it about: it takes several, or chance');
  return finding(leaking.join(', '), `what leaks is: ${leaking.join(', ')}`);
}

let runs = 0;

/** The digest of the step's output when it runs again; undefined where it fails. */
async function runAgain(
  hunt: LeakHunt,
  { step }: RecordedStep,
  only?: ConditionName,
  override: Partial<Conditions> = {},
): Promise<{ digest: string } | undefined> {
  const { launcher, plan, folder, task } = hunt;
  const conditions = {
    ...(only === undefined ? conditionsOf(plan, 0) : conditionsOf(plan, 1, only)),
    ...override,
  };
  const own = join(folder, `again-${runs++}`, conditions.path);
  task.output(`${step.name}: ${only ?? 'the same conditions'}`);
  try {
    const request = { kind: 'step', step, outDir: join(own, 'out') } as const;
    const answer = await rebuildUnder(launcher, conditions, own, request, task);
    return answer.ok && answer.digest !== undefined ? { digest: answer.digest } : undefined;
  } finally {
    await removeTree(join(folder, own.slice(folder.length + 1).split('/')[0] ?? ''));
  }
}

/** Whether a step that is different each time is the same thrice with one job on one processor. */
async function serialRuns(hunt: LeakHunt, recorded: RecordedStep, isUnstable: boolean): Promise<boolean> {
  if (!isUnstable) return false;
  const digests = new Set<string>();
  for (let run = 0; run < 3; run++) {
    const result = await runAgain(hunt, recorded, undefined, { jobs: '1', processors: '1' });
    if (result === undefined) return false;
    digests.add(result.digest);
    if (digests.size > 1) return false;
    await new Promise((resolve) => setTimeout(resolve, SECOND_MS));
  }
  return true;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

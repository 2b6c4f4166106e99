import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentReporter } from '@altee/builder';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ConditionPlan,
  conditionsOf,
  memoryFolder,
  planConditions,
} from '../packages/builder/src/audit/conditions.ts';
import { findLeak } from '../packages/builder/src/audit/leaks.ts';
import { type Launcher, rebuildUnder } from '../packages/builder/src/audit/rebuild.ts';
import { auditFolder } from '../packages/builder/src/audit/work-folder.ts';
import type { Step } from '../packages/builder/src/executor/executor.ts';
import { removeTree } from '../packages/builder/src/store/remove-tree.ts';
import { testRoot } from '../packages/builder/test/support/root.ts';

/** Steps that leak something on purpose, run twice as an audit does: each is caught, and what leaks is named. */
const LEAKS: readonly (readonly [what: string, script: string, named: string | RegExp])[] = [
  ['the time in words', 'date > $OUT/x', 'time'],
  ['the time in seconds', 'date +%s > $OUT/x', 'time'],
  ['the time in nanoseconds', 'echo build-$(date +%s%N) > $OUT/x', 'time'],
  ['the time of day', 'echo built at $(date +%H:%M:%S) > $OUT/x', 'time'],
  ['the time of a file', 'touch f; stat -c %Y f > $OUT/x', 'time'],
  ['times in a tar archive', 'touch f; tar cf $OUT/x f', 'time'],
  ['a random number', 'head -c 16 /dev/urandom > $OUT/x', 'chance'],
  ['a UUID', 'cat /proc/sys/kernel/random/uuid > $OUT/x', 'chance'],
  ['the name of a temporary file', 'mktemp > $OUT/x', 'chance'],
  ['an inode', 'touch f; stat -c %i f > $OUT/x', /directory order|chance|user/],
  ['the number of jobs', 'echo $JOBS > $OUT/x', 'jobs'],
  ['the number of processors', 'nproc > $OUT/x', 'processors'],
  ['which processors it may use', 'grep Cpus_allowed_list /proc/self/status > $OUT/x', 'processors'],
  ['the release of the kernel', 'uname -r > $OUT/x', 'kernel release'],
  ['the uptime in days', 'cut -d. -f1 /proc/uptime | sed "s/.....$//" > $OUT/x', 'uptime'],
  [
    'the order of a folder',
    'for i in 1 2 3 4 5 6 7 8 9; do : > f$i; done; ls -U > $OUT/x',
    'directory order',
  ],
  ['the order of its inputs', 'cd /src/in; ls -U > $OUT/x', 'directory order'],
  ['the file system it works on', 'stat -f -c %T . > $OUT/x', 'directory order'],
  [
    'addresses',
    "grep -m1 stack /proc/self/maps | cut -c1-4 | tr -d '\\n' > $OUT/x; grep heap /proc/self/maps | cut -d- -f1 >> $OUT/x",
    'chance',
  ],
];

/** What an executor hides from steps: the same bytes come out, whatever it is outside. */
const HIDDEN: readonly (readonly [what: string, script: string])[] = [
  ['the user', 'id > $OUT/x'],
  ['the host name', 'hostname > $OUT/x 2>&1 || cat /proc/sys/kernel/hostname > $OUT/x'],
  ['the umask', 'umask > $OUT/x; mkdir d; stat -c %a d >> $OUT/x'],
  ['the environment', 'env | grep -v ^JOBS= | sort > $OUT/x'],
  ['the path', 'pwd > $OUT/x; readlink -f . >> $OUT/x'],
  ['the time zone and locale', 'date +%Z > $OUT/x; printf "%s" "$LC_ALL" >> $OUT/x'],
  ['the modes of its output', 'umask 000; : > $OUT/x; chmod 666 $OUT/x'],
  ['the order in which the output was made', 'for i in 3 1 2; do : > $OUT/f$i; done'],
];

const root = testRoot();

describe.skipIf(!root)('findLeak()', () => {
  let folder: string;
  let memory: Awaited<ReturnType<typeof auditFolder>> | undefined;
  let launcher: Launcher;
  let plan: ConditionPlan[];
  beforeAll(async () => {
    if (!root) return;
    folder = await mkdtemp('/var/tmp/altee-leaks-');
    await chmod(folder, 0o755);
    memory = (await memoryFolder()) === undefined ? undefined : await auditFolder('/dev/shm');
    const program = [
      process.execPath,
      fileURLToPath(new URL('../packages/cli/dist/altee.js', import.meta.url)),
    ];
    const isRoot = process.getuid?.() === 0;
    launcher = { root, isRoot, program, memory: memory?.path, signal: undefined };
    plan = planConditions({
      isRoot,
      processors: availableParallelism(),
      memoryFolder: memory?.path,
      oldKernel: true,
      otherUser: isRoot,
      executors: ['sandbox', 'sandbox'],
    });
    await mkdir(join(folder, 'input'));
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six'])
      await writeFile(join(folder, 'input', name), name);
  });
  afterAll(async () => {
    await memory?.dispose();
    await removeTree(folder);
  });

  const task = silentReporter.start('');
  let runs = 0;

  /** Both runs of an audit, and what it says where they differ. */
  async function hunt(name: string, script: string) {
    const step: Step = {
      name,
      root: root ?? expect.fail(),
      script,
      env: {},
      inputs: { in: { path: join(folder, 'input'), digest: `sha256:${'0'.repeat(64)}` } },
      limits: { seconds: 60, outputBytes: 1 << 20, processes: 64 },
    };
    const own = join(folder, `run-${runs++}`);
    const results: { outDir: string; digest: string; started: number; finished: number }[] = [];
    for (const which of [0, 1] as const) {
      const conditions = conditionsOf(plan, which);
      const started = Date.now();
      const outDir = join(own, conditions.path, 'out');
      const answer = await rebuildUnder(
        launcher,
        conditions,
        join(own, conditions.path),
        { kind: 'step', step, outDir },
        task,
      );
      if (!answer.ok) return expect.fail(JSON.stringify(answer.error));
      results.push({ outDir, digest: answer.digest ?? '', started, finished: Date.now() });
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    const [first, second] = results;
    if (!first || !second || first.digest === second.digest) return undefined;
    return findLeak(
      { launcher, plan, folder: own, task, times: [first, second] },
      {
        recorded: { key: 'key', step },
        outputs: [first.outDir, second.outDir],
        digests: [first.digest, second.digest],
      },
    );
  }

  it.each(LEAKS)('names %s', async (what, script, named) => {
    const finding = await hunt(what, script);
    expect(finding).toMatchObject({ kind: 'leak', subject: what });
    expect(finding?.message).toMatch(/gives different bytes in "\$OUT\/x"/);
    expect(finding?.condition).toMatch(typeof named === 'string' ? new RegExp(`^${named}$`) : named);
  });

  it.each(HIDDEN)('finds nothing in a step that looks at %s', async (what, script) => {
    expect(await hunt(what, script)).toBeUndefined();
  });
});

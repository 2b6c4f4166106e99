import { runStep } from '../../packages/builder/src/executor/run-step.ts';
import { sandboxExecutor } from '../../packages/builder/src/executor/sandbox.ts';
import { kernelSourceStep } from '../../packages/builder/src/kernel/source-step.ts';
import { openProject, readLock } from '../../packages/builder/src/project.ts';
import { silentReporter } from '../../packages/builder/src/report.ts';
import { readRoot } from '../../packages/builder/src/root/assemble-root.ts';
import { rootKey } from '../../packages/builder/src/root/root-digest.ts';
import { Store } from '../../packages/builder/src/store/store.ts';

const main = await Store.open();
const project = await openProject('examples/hello/altee.yaml');
const lock = (await readLock(project))!;
const packages = lock.roots['kernel']!.packages.map((n) => lock.packages[n]!.sha256);
const root = (await readRoot(main, rootKey(packages)))!;
const store = await Store.open('/var/tmp/altee-bench-probe');
const step = kernelSourceStep(root, { path: main.filePath(lock.kernel.sha256), sha256: lock.kernel.sha256 });
const t = performance.now(),
  c = process.cpuUsage(),
  r = process.resourceUsage();
const ex = sandboxExecutor();
const timed = {
  ...ex,
  execute: async (s: any, io: any) => {
    const t0 = performance.now();
    const c0 = process.cpuUsage();
    await ex.execute(s, io);
    const c1 = process.cpuUsage(c0);
    console.log('execute', performance.now() - t0, c1);
  },
};
const out = await runStep(timed as any, store, step, { reporter: silentReporter });
console.log('total', performance.now() - t, process.cpuUsage(c), out);

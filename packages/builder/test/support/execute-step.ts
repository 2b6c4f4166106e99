/**
 * A process that runs one step, for tests that need another user, a process to kill, or a namespace without
 * rights. Argument: JSON of a step, its folders, and the executor's name. Prints a line of JSON: `{"ok":true}` or the error.
 */
import { BuilderError } from '../../src/error.ts';
import { makeExecutor } from '../../src/executor/executors.ts';

const { step, io, check, executor: name } = JSON.parse(process.argv[2] ?? '');
const executor = await makeExecutor(name);
const work = check ? executor.check(step.root) : executor.execute(step, io);
work.then(
  () => console.log(JSON.stringify({ ok: true })),
  (error: unknown) => {
    const { code, message, hint } =
      error instanceof BuilderError ? error : { ...Object(error), message: String(error) };
    console.log(JSON.stringify({ ok: false, code, message, hint }));
  },
);

import { readFile, stat } from 'node:fs/promises';
import { BuilderError } from '../error.ts';
import { mountOptions } from './diagnose.ts';
import type { Bind } from './enter.ts';
import { OUT_PATH, SOURCE_PATH, WORK_PATH } from './environment.ts';
import type { Step, StepIo } from './executor.ts';

/** One name under /src, with nothing in it that a shell or a mount could read otherwise. */
const INPUT_NAME = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$/;

/** What of the host a step sees: its two folders, and its inputs. Throws `invalid-input` for an unfit input. */
export async function stepBinds(step: Step, io: StepIo): Promise<Bind[]> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  const executable = (path: string) => !mountOptions(mountinfo, path).includes('noexec');
  const folder = (inside: string, host: string): Bind => ({
    kind: 'dir',
    access: 'rw',
    executable: executable(host),
    inside,
    host,
  });

  const binds = [folder(WORK_PATH, io.workDir), folder(OUT_PATH, io.outDir)];
  for (const [name, { path }] of Object.entries(step.inputs)) {
    if (!INPUT_NAME.test(name)) {
      throw new BuilderError('invalid-input', `Step "${step.name}" has an input named "${name}"`, {
        hint: 'An input is one name under /src, of letters, digits and "._+-", starting with a letter or digit',
      });
    }
    const found = await stat(path).catch((cause: unknown) => {
      throw new BuilderError('invalid-input', `Step "${step.name}" lacks its input "${name}" at "${path}"`, {
        cause,
      });
    });
    const kind = found.isDirectory() ? 'dir' : 'file';
    binds.push({
      kind,
      access: 'ro',
      executable: executable(path),
      inside: `${SOURCE_PATH}/${name}`,
      host: path,
    });
  }
  return binds;
}

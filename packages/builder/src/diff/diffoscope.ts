import { execa } from 'execa';
import { BuilderError } from '../error.ts';

/** What diffoscope said, or that it is not there. */
export type Diffoscope =
  | { readonly isPresent: false }
  | { readonly isPresent: true; readonly isEqual: boolean; readonly text: string };

const MAX_TEXT_BYTES = 16 * 2 ** 20;

/** Runs `diffoscope` of the PATH. Throws `machine-failed` where it fails; 0 is "equal", 1 is "different" to it. */
export async function runDiffoscope(a: string, b: string, signal?: AbortSignal): Promise<Diffoscope> {
  const { exitCode, stdout, stderr, code } = await execa('diffoscope', ['--text', '-', '--', a, b], {
    reject: false,
    maxBuffer: MAX_TEXT_BYTES,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  if (code === 'ENOENT') return { isPresent: false };
  if (exitCode === 0 || exitCode === 1) return { isPresent: true, isEqual: exitCode === 0, text: stdout };
  throw new BuilderError('machine-failed', `diffoscope ended with ${exitCode ?? 'a signal'}`, {
    details: stderr.split('\n').slice(-10),
  });
}

import { describe, expect, it } from 'vitest';
import { stepFailure, stepLimit } from '../../src/executor/failure.ts';

const step = {
  name: 'kernel',
  root: { digest: 'sha256:00', path: '/r' },
  script: 'make',
  env: {},
  inputs: {},
  limits: { seconds: 5, outputBytes: 100, processes: 9 },
};

describe('stepFailure()', () => {
  it('names step, exit code, last command and log, and shows the last lines', () => {
    const error = stepFailure(
      step,
      { code: 2, signal: null },
      ['+ make vmlinux', 'oops \u001b[31m'],
      '/l/kernel.log',
    );
    expect(error.message).toBe('Step "kernel" failed with exit code 2 at "make vmlinux"');
    expect(error).toMatchObject({ code: 'step-failed', hint: 'The whole log is in /l/kernel.log' });
    expect(error.details).toEqual(['+ make vmlinux', 'oops \\x1b[31m']);
  });

  it('names the signal that a command or the step itself died of', () => {
    expect(stepFailure(step, { code: 139, signal: null }, [], '/l').message).toMatch(
      /exit code 139 \(signal 11\)$/,
    );
    expect(stepFailure(step, { code: null, signal: 'SIGKILL' }, [], '/l').message).toMatch(
      /killed by SIGKILL$/,
    );
  });

  it('cuts a command that is a page long', () => {
    const error = stepFailure(step, { code: 1, signal: null }, [`+ ${'x'.repeat(5000)}`], '/l');
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('stepLimit()', () => {
  it.each([
    ['time', 'step-limit', 'Step "kernel" ran for more than 5 s and was stopped'],
    ['output-size', 'step-limit', 'Step "kernel" left more than 100 bytes in $OUT'],
    ['log-size', 'step-limit', 'Step "kernel" printed more than 256 MiB and was stopped'],
    ['disk-full', 'disk-full', 'Step "kernel" was stopped before the disk was full'],
  ])('says what a step did that was killed for %s', (reason, code, message) => {
    expect(stepLimit(step, reason, [], '/l')).toMatchObject({ code, message });
  });
});

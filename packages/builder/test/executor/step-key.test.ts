import { describe, expect, it } from 'vitest';
import type { Step } from '../../src/executor/executor.ts';
import { stepKey } from '../../src/executor/step-key.ts';

const step: Step = {
  name: 'compile',
  root: { digest: 'sha256:01', path: '/store/root' },
  script: 'make',
  env: { A: '1', B: '2' },
  inputs: { source: { path: '/store/source', digest: 'sha256:02' } },
  limits: { seconds: 60, outputBytes: 1000, processes: 10 },
};

describe('stepKey()', () => {
  it('is a SHA-256 that stays the same from release to release', () => {
    // printf '%s' '{"env":{"A":"1","B":"2"},"inputs":{"source":"sha256:02"},"root":"sha256:01","rules":"altee-step/1","script":"make"}' | sha256sum
    expect(stepKey(step)).toBe('f172e34a447946350efddc7a080d562dbb5759fdf4b692149fad91152c8c03af');
  });

  const same: [what: string, step: Step][] = [
    ['the name', { ...step, name: 'other' }],
    ['the limits', { ...step, limits: { seconds: 1, outputBytes: 1, processes: 1 } }],
    ['where the root lies', { ...step, root: { ...step.root, path: '/elsewhere' } }],
    ['where an input lies', { ...step, inputs: { source: { path: '/elsewhere', digest: 'sha256:02' } } }],
    ['the order of variables', { ...step, env: { B: '2', A: '1' } }],
  ];
  it.each(same)('does not depend on %s', (_what, other) => {
    expect(stepKey(other)).toBe(stepKey(step));
  });

  const different: [what: string, step: Step][] = [
    ['the root', { ...step, root: { digest: 'sha256:03', path: '/store/root' } }],
    ['the script', { ...step, script: 'make ' }],
    ['a variable', { ...step, env: { A: '1', B: '3' } }],
    ['a variable more', { ...step, env: { A: '1', B: '2', C: '' } }],
    [
      'the content of an input',
      { ...step, inputs: { source: { path: '/store/source', digest: 'sha256:04' } } },
    ],
    [
      'the name of an input',
      { ...step, inputs: { sources: { path: '/store/source', digest: 'sha256:02' } } },
    ],
    ['quotes that could close a string', { ...step, script: 'make","env":{"A":"1' }],
  ];
  it.each(different)('depends on %s', (_what, other) => {
    expect(stepKey(other)).not.toBe(stepKey(step));
  });
});

import { BuilderError } from '@altee/builder';
import { ManifestError, parseLock, parseManifest } from '@altee/manifest';
import { describe, expect, it } from 'vitest';
import { errorJson, errorText } from '../src/report/print-error.ts';

const HOSTILE = '\x1b[2J\x07\x9b31m\u202e\rfine';

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It threw no error');
}

/** Whether a terminal would do more with it than show it. */
function steersTerminal(text: string): boolean {
  return /[\p{Cc}\p{Bidi_Control}]/u.test(text.replaceAll('\n', ''));
}

describe('errorText()', () => {
  it('shows what went wrong, details, and what to do', () => {
    const error = new BuilderError('step-failed', 'Step "x" failed', {
      details: ['+ make', 'make: no rule'],
      hint: 'Look at the log',
    });
    expect(errorText(error, false)).toBe(
      'error: Step "x" failed\n  | + make\n  | make: no rule\n  → Look at the log',
    );
  });

  it('shows a manifest error at its place, with a caret', () => {
    const text = errorText(
      thrownBy(() => parseManifest('nome: x\n', 'some.yaml')),
      false,
    );
    expect(text).toContain('some.yaml:1:1: Unknown key "nome"\n 1 | nome: x\n   | ^\n');
  });

  it('shows a lock error at its place', () => {
    const text = errorText(
      thrownBy(() => parseLock('{"lockVersion": 3}', 'some.lock')),
      false,
    );
    expect(text).toContain('some.lock:1:');
    expect(text).toContain('"lockVersion"');
  });

  it('names causes, but none that says what was said already', () => {
    const cause = new Error('EACCES: no', { cause: new Error('deeper') });
    expect(errorText(new BuilderError('invalid-input', 'Cannot read', { cause }), false)).toBe(
      'error: Cannot read\n  caused by: EACCES: no\n  caused by: deeper',
    );
    expect(errorText(new BuilderError('invalid-input', 'Cannot read: EACCES: no', { cause }), false)).toBe(
      'error: Cannot read: EACCES: no\n  caused by: deeper',
    );
  });

  it('does not follow causes for ever', () => {
    const error = new Error('round');
    error.cause = error;
    expect(errorText(error, false)).toBe('error: round');
  });

  it('shows the stack only when asked for', () => {
    const error = new Error('inside');
    expect(errorText(error, false)).not.toContain('print-error.test');
    expect(errorText(error, true)).toContain('print-error.test');
  });

  it.each<[string, unknown]>([
    ['a message', new BuilderError('step-failed', HOSTILE)],
    ['a detail', new BuilderError('step-failed', 'x', { details: [HOSTILE] })],
    ['a hint', new BuilderError('step-failed', 'x', { hint: HOSTILE })],
    ['a cause', new Error('x', { cause: new Error(HOSTILE) })],
    ['what is no error', HOSTILE],
    ['a manifest', thrownBy(() => parseManifest(`name: ${HOSTILE}\n`, `${HOSTILE}.yaml`))],
    ['a lock', thrownBy(() => parseLock(JSON.stringify({ [HOSTILE]: HOSTILE }), HOSTILE))],
  ])('lets %s not steer the terminal', (_what, error) => {
    const text = errorText(error, false);
    expect(steersTerminal(text), JSON.stringify(text)).toBe(false);
    expect(text).toContain('fine');
  });

  it('lets a stack not steer the terminal', () => {
    expect(steersTerminal(errorText(new Error(HOSTILE), true))).toBe(false);
  });
});

describe('errorJson()', () => {
  it('gives code, message, hint and details', () => {
    const error = new BuilderError('digest-mismatch', 'Wrong', { hint: 'Do', details: ['a'] });
    expect(errorJson(error)).toEqual({
      error: { code: 'digest-mismatch', message: 'Wrong', hint: 'Do', details: ['a'] },
    });
  });

  it('gives each problem of a manifest with its place', () => {
    const error = thrownBy(() => parseManifest('nome: x\n', 'some.yaml'));
    expect(error).toBeInstanceOf(ManifestError);
    expect(JSON.parse(JSON.stringify(errorJson(error)))).toMatchObject({
      error: {
        code: 'invalid-input',
        problems: expect.arrayContaining([expect.objectContaining({ line: 1 })]),
      },
    });
  });

  it('gives something for whatever is thrown', () => {
    expect(errorJson(new TypeError('x'))).toEqual({ error: { code: 'internal', message: 'x' } });
    expect(errorJson(undefined)).toEqual({ error: { code: 'internal', message: 'undefined' } });
  });
});

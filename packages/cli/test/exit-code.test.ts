import { BuilderError, type BuilderErrorCode } from '@altee/builder';
import { parseLock, parseManifest } from '@altee/manifest';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../src/exit-code.ts';

/** Every code, so that the compiler asks for a row when one is added. */
const BUILDER_CODES: Readonly<Record<BuilderErrorCode, 1 | 2>> = {
  'invalid-input': 2,
  'lock-outdated': 2,
  'lock-invalid': 2,
  'kernel-config': 2,
  'app-unusable': 2,
  'signature-invalid': 1,
  'index-invalid': 1,
  'package-not-found': 1,
  'dependency-unsatisfiable': 1,
  'download-failed': 1,
  'digest-mismatch': 1,
  'offline-missing': 1,
  'bundle-invalid': 2,
  'archive-hostile': 1,
  'archive-malformed': 1,
  'store-corrupt': 1,
  'disk-full': 1,
  'sandbox-unavailable': 1,
  'executor-unavailable': 1,
  'step-failed': 1,
  'step-limit': 1,
  'image-invalid': 1,
  'image-leaks': 1,
  'release-tampered': 1,
  'statement-malformed': 1,
  'machine-failed': 1,
};

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('It threw nothing');
}

describe('exitCodeOf()', () => {
  it.each(Object.entries(BUILDER_CODES))('%s ends with %i', (code, exitCode) => {
    expect(exitCodeOf(new BuilderError(code as BuilderErrorCode, 'Something'))).toBe(exitCode);
  });

  it('is 2 for an invalid manifest and an invalid lock', () => {
    expect(exitCodeOf(thrownBy(() => parseManifest('a: b', 'altee.yaml')))).toBe(2);
    expect(exitCodeOf(thrownBy(() => parseLock('{}', 'altee.lock')))).toBe(2);
  });

  it('is 2 for a wrong command line, and 0 for its help and version', () => {
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', ''))).toBe(2);
    expect(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', ''))).toBe(0);
  });

  it.each([[new Error('x')], ['text'], [undefined], [{ code: 'invalid-input' }]])(
    'is 1 for anything else: %s',
    (error) => {
      expect(exitCodeOf(error)).toBe(1);
    },
  );
});

import { readFileSync } from 'node:fs';
import { parseLock } from '@altee/manifest';
import { describe, expect, it } from 'vitest';
import { qemuVersion } from '../../src/qemu/locked-machine.ts';

const path = new URL('../../../../examples/hello/altee.lock', import.meta.url);
const lock = parseLock(readFileSync(path, 'utf8'), 'altee.lock');

describe('qemuVersion()', () => {
  it('is the upstream version of the locked package', () => {
    const version = lock.packages['qemu-system-x86']?.version ?? expect.fail();
    expect(version.includes(qemuVersion(lock) ?? expect.fail())).toBe(true);
    expect(qemuVersion(lock)).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('is unknown without a platform root', () => {
    expect(qemuVersion({ ...lock, roots: {} })).toBeUndefined();
  });
});

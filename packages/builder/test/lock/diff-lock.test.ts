import type { Lock } from '@altee/manifest';
import { describe, expect, it } from 'vitest';
import { describeChange, diffLocks } from '../../src/lock/diff-lock.ts';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const file = (digit: string) => ({ package: 'p', path: 'usr/x', sha256: digest(digit) });

const before = {
  packages: {
    libc6: { version: '2.41-12', sha256: digest('a') },
    dash: { version: '1', sha256: digest('b') },
    gone: { version: '1', sha256: digest('c') },
    same: { version: '1', sha256: digest('d') },
  },
  kernel: { line: 'linux-6.12', version: '6.12.94', sha256: digest('e') },
  stub: file('1'),
  platforms: { lab: { firmware: { code: file('2'), vars: file('3') } } },
  roots: { kernel: { packages: [], digest: digest('4') }, image: { packages: [], digest: digest('5') } },
} as unknown as Lock;

const after = {
  packages: {
    libc6: { version: '2.41-13', sha256: digest('f') },
    dash: { version: '1', sha256: digest('0') },
    same: { version: '1', sha256: digest('d') },
    added: { version: '3', sha256: digest('c') },
  },
  kernel: { line: 'linux-6.12', version: '6.12.107', sha256: digest('f') },
  stub: file('9'),
  platforms: { lab: { firmware: { code: file('8'), vars: file('3') } } },
  roots: { kernel: { packages: [], digest: digest('7') }, image: { packages: [], digest: digest('5') } },
} as unknown as Lock;

describe('diffLocks()', () => {
  it('says what moved, and of the same version with other bytes the digests', () => {
    expect(diffLocks(before, after).map(describeChange)).toEqual([
      'added 3 added',
      'dash sha256:bbbbbbbbbbbb… → sha256:000000000000…',
      'gone 1 removed',
      'libc6 2.41-12 → 2.41-13',
      'kernel linux-6.12 6.12.94 → 6.12.107',
      'stub usr/x sha256:111111111111… → sha256:999999999999…',
      'firmware lab/code sha256:222222222222… → sha256:888888888888…',
      'root kernel sha256:444444444444… → sha256:777777777777…',
    ]);
  });

  it('says nothing where nothing moved', () => {
    expect(diffLocks(before, structuredClone(before))).toEqual([]);
  });

  it('tells a change of kernel line from a change of release', () => {
    const moved = { ...before, kernel: { ...before.kernel, line: 'linux-6.18', version: '6.18.1' } };
    expect(diffLocks(before, moved)).toEqual([
      { what: 'kernel', name: 'linux-6.12', from: '6.12.94' },
      { what: 'kernel', name: 'linux-6.18', to: '6.18.1' },
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { didYouMean } from '../../src/kernel/did-you-mean.ts';

describe('didYouMean()', () => {
  const known = ['UNIX', 'INET', 'SECCOMP_FILTER', 'virtio'];
  it.each([
    ['UNXI', 'UNIX'],
    ['SECOMP_FILTER', 'SECCOMP_FILTER'],
    ['virtoi', 'virtio'],
    ['INETT', 'INET'],
    ['UNIX', 'UNIX'],
  ])('finds for "%s" the nearest, "%s"', (word, nearest) => {
    expect(didYouMean(word, known)).toBe(`, did you mean "${nearest}"?`);
  });

  it.each(['', 'X', 'XYZW', 'SECURITY'])('finds nothing near "%s"', (word) => {
    expect(didYouMean(word, known)).toBe('');
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { didYouMean, editDistance } from '../../src/check/edit-distance.ts';

const words = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });

describe('editDistance()', () => {
  test.each([
    ['', '', 0],
    ['kernel', 'kernel', 0],
    ['kernal', 'kernel', 1],
    ['kenrel', 'kernel', 1],
    ['kernl', 'kernel', 1],
    ['kernels', 'kernel', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('of %j and %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  test('is the same both ways, zero for equals only, and never more than the longer word', () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        const distance = editDistance(a, b);
        expect(editDistance(b, a)).toBe(distance);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('didYouMean()', () => {
  test('finds the nearest word, whatever its case and hyphens', () => {
    const known = ['kernel', 'network', 'onExit', 'openFiles'];
    expect(didYouMean('kernal', known)).toBe('kernel');
    expect(didYouMean('on_exit', known)).toBe('onExit');
    expect(didYouMean('open-files', known)).toBe('openFiles');
  });

  test('stays silent where nothing is near', () => {
    expect(didYouMean('zebra', ['kernel', 'app'])).toBeUndefined();
    expect(didYouMean('x'.repeat(100_000), ['kernel'])).toBeUndefined();
  });
});

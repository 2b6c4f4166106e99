import { describe, expect, it } from 'vitest';
import { kernelOrigins } from '../../src/lock/kernel-source.ts';

describe('kernelOrigins()', () => {
  it('names both hosts of kernel.org, the given one first', () => {
    const path = 'pub/linux/kernel/v6.x/linux-6.12.9.tar.xz';
    expect(kernelOrigins(`https://mirrors.edge.kernel.org/${path}`)).toEqual([
      `https://mirrors.edge.kernel.org/${path}`,
      `https://cdn.kernel.org/${path}`,
    ]);
  });

  it.each([
    'https://example.org/pub/linux-6.12.9.tar.xz',
    'https://git.kernel.org/torvalds/t/linux-6.12.tar.gz',
    'https://cdn.kernel.org.example.org/pub/x.tar.xz',
    'https://cdn.kernel.org/pub/x.tar.xz?token=1',
  ])('adds nothing to %s', (url) => {
    expect(kernelOrigins(url)).toEqual([url]);
  });
});

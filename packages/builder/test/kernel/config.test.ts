import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '../../src/kernel/check-config.ts';
import { kernelVersion, parseKernelConfig } from '../../src/kernel/config.ts';
import { loadKernelLine } from '../../src/kernel/kernel-line.ts';
import { mergeRequest } from '../../src/kernel/request.ts';

const text = readFileSync(new URL('fixtures/network.config', import.meta.url), 'utf8');
const line = await loadKernelLine('linux-6.12');
const request = mergeRequest(line, {
  features: ['virtio', 'tpm', 'serial'],
  network: true,
  require: [],
  forbid: [],
  exceptions: [],
});

/** The problems after some lines were replaced in the real configuration, in short. */
function problems(...edits: [from: string, to: string][]): string[] {
  let edited = text;
  for (const [from, to] of edits) {
    expect(edited).toContain(from);
    edited = edited.replace(from, to);
  }
  return checkConfig(request, parseKernelConfig(edited)).map((problem) =>
    problem.kind === 'module'
      ? `module ${problem.symbol}`
      : `${problem.kind} ${problem.option.symbol} ${problem.got}`,
  );
}

describe('parseKernelConfig()', () => {
  it('reads switches, numbers and strings, and leaves out what is not set', () => {
    const config = parseKernelConfig(
      '#\n# Header\nCONFIG_A=y\nCONFIG_N=-1\nCONFIG_H=0x10\nCONFIG_S="a \\"b"\n# CONFIG_B is not set\n',
    );
    expect([...config]).toEqual([
      ['A', 'y'],
      ['N', '-1'],
      ['H', '0x10'],
      ['S', '"a \\"b"'],
    ]);
  });

  it.each(['CONFIG_A', 'CONFIG_A=', 'CONFIG_A=yes', 'A=y', 'CONFIG_S="open', '\u007fELF'])(
    'refuses "%s" with its line',
    (bad) => {
      expect(() => parseKernelConfig(`CONFIG_B=y\n${bad}\n`)).toThrow(/line 2 of the kernel configuration/);
    },
  );
});

describe('kernelVersion()', () => {
  it('reads the header', () => {
    expect(kernelVersion(text)).toBe('6.12.107');
  });

  it('refuses a configuration without one', () => {
    expect(() => kernelVersion('CONFIG_A=y\n')).toThrow(/does not say which version/);
  });
});

describe('checkConfig()', () => {
  it('finds nothing in a configuration that kbuild made of the request', () => {
    expect(problems()).toEqual([]);
  });

  it('finds an option that was dropped', () => {
    expect(problems(['CONFIG_SECCOMP_FILTER=y\n', ''])).toEqual(['dropped SECCOMP_FILTER n']);
  });

  it('finds another value', () => {
    expect(problems(['CONFIG_ARCH_MMAP_RND_BITS=32', 'CONFIG_ARCH_MMAP_RND_BITS=28'])).toEqual([
      'dropped ARCH_MMAP_RND_BITS 28',
    ]);
  });

  it('finds a forbidden option that came in by the back door', () => {
    expect(problems(['CONFIG_SMP=y\n', 'CONFIG_SMP=y\nCONFIG_DEVMEM=y\n'])).toEqual(['forbidden DEVMEM y']);
  });

  it('finds an option that a fragment wants off', () => {
    expect(problems(['CONFIG_SMP=y\n', 'CONFIG_SMP=y\nCONFIG_CFI_PERMISSIVE=y\n'])).toEqual([
      'forbidden CFI_PERMISSIVE y',
    ]);
  });

  it('finds every module, asked for or not', () => {
    const asked = ['CONFIG_VIRTIO_NET=y', 'CONFIG_VIRTIO_NET=m'] as [string, string];
    const unasked = ['CONFIG_DIMLIB=y', 'CONFIG_DIMLIB=m'] as [string, string];
    expect(problems(asked, unasked)).toEqual(['dropped VIRTIO_NET m', 'module VIRTIO_NET', 'module DIMLIB']);
  });
});

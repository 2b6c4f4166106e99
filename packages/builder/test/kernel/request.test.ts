import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { encodeCmdline } from '../../src/kernel/cmdline.ts';
import { encodeRequest } from '../../src/kernel/config-step.ts';
import { type Fragment, parseFragment } from '../../src/kernel/fragment.ts';
import type { KernelLine } from '../../src/kernel/kernel-line.ts';
import { type KernelRequest, mergeRequest } from '../../src/kernel/request.ts';

/** A small kernel line; `more` adds fragments or replaces them. */
function line(more: Record<string, string> = {}): KernelLine {
  const texts: Record<string, string> = {
    base: 'CONFIG_SMP=y  # base\nCONFIG_LOG=16  # base\ncmdline rdinit=/init  # PID 1\n',
    hardening:
      'CONFIG_CFI=y  # checks\nCONFIG_BITS=32  # most\nCONFIG_LOOSE=n  # strict\ncmdline pti=on  # always\n',
    'hardening+network': 'CONFIG_COOKIES=y  # floods\n',
    'hardening+no-network': 'CONFIG_SEALED=y  # nothing to reach\n',
    network: 'CONFIG_INET=y  # IPv4\n',
    virtio: 'CONFIG_VIRTIO=y  # devices\n',
    'virtio+network': 'CONFIG_VIRTIO_NET=y  # card\n',
    block: 'CONFIG_BLOCK=y  # disks\n',
    nvme: 'include block\nCONFIG_NVME=y  # disks\n',
    ...more,
  };
  const fragments = new Map<string, Fragment>();
  for (const [name, text] of Object.entries(texts))
    fragments.set(name, parseFragment(text, `k/${name}.config`));
  return {
    name: 'linux-test',
    path: '/nowhere',
    fragments,
    forbidden: parseFragment('CONFIG_DEVMEM=n  # memory\ncmdline nopti  # Meltdown\n', 'k/forbidden.config'),
    unsupported: parseFragment('CONFIG_MODULES=n  # measured\n', 'k/unsupported.config'),
    features: ['virtio', 'block', 'nvme'],
  };
}

const nothing: KernelRequest = { features: [], network: false, require: [], forbid: [], exceptions: [] };

function values(request: Partial<KernelRequest>, more?: Record<string, string>): Record<string, string> {
  const merged = mergeRequest(line(more), { ...nothing, ...request });
  return Object.fromEntries([...merged.options].map(([symbol, option]) => [symbol, option.value]));
}

function refusal(request: Partial<KernelRequest>, more?: Record<string, string>): BuilderError {
  try {
    mergeRequest(line(more), { ...nothing, ...request });
  } catch (error) {
    if (error instanceof BuilderError) return error;
  }
  throw new Error('was not refused');
}

describe('mergeRequest()', () => {
  it('takes base and hardening always, combinations only when all their parts are present', () => {
    expect(values({})).toEqual({ SMP: 'y', LOG: '16', CFI: 'y', BITS: '32', LOOSE: 'n', SEALED: 'y' });
    expect(values({ features: ['virtio'] })).not.toHaveProperty('VIRTIO_NET');
    expect(values({ features: ['virtio'], network: true })).toMatchObject({ VIRTIO_NET: 'y', COOKIES: 'y' });
    expect(values({ network: true })).not.toHaveProperty('SEALED');
  });

  it('brings in what a feature includes', () => {
    expect(values({ features: ['nvme'] })).toMatchObject({ NVME: 'y', BLOCK: 'y' });
  });

  it('leaves the hardening out only when told to', () => {
    expect(values({ hardening: false })).toEqual({ SMP: 'y', LOG: '16' });
  });

  it('does not depend on the order of the features', () => {
    const one = mergeRequest(line(), { ...nothing, features: ['virtio', 'nvme'] });
    const other = mergeRequest(line(), { ...nothing, features: ['nvme', 'virtio'] });
    expect(encodeRequest(one.options.values())).toBe(encodeRequest(other.options.values()));
  });

  it('refuses an unknown feature with the one that may be meant', () => {
    const error = refusal({ features: ['virtoi'] });
    expect(error.code).toBe('invalid-input');
    expect(error.details[0]).toContain('did you mean "virtio"?');
  });

  it('refuses fragments that want different values, naming both places', () => {
    const error = refusal({ features: ['virtio'] }, { virtio: 'CONFIG_LOG=12  # small\n' });
    expect(error.code).toBe('kernel-config');
    expect(error.details[0]).toContain('k/virtio.config:1');
    expect(error.details[0]).toContain('k/base.config:2');
  });

  it('refuses a fragment that wants a forbidden option', () => {
    const error = refusal({ features: ['virtio'] }, { virtio: 'CONFIG_DEVMEM=y  # why not\n' });
    expect(error.details[0]).toContain('k/virtio.config:1');
    expect(error.details[0]).toContain('k/forbidden.config:1');
  });

  it('sets what the manifest requires and forbids', () => {
    const merged = mergeRequest(line(), { ...nothing, require: ['UNIX', 'SMP'], forbid: ['SWAP'] });
    expect(merged.options.get('UNIX')).toMatchObject({ value: 'y', origin: 'manifest: kernel.require' });
    expect(merged.options.get('SMP')?.origin).toBe('k/base.config:1');
    expect(merged.forbidden.get('SWAP')).toMatchObject({ origin: 'manifest: kernel.forbid' });
  });

  it.each([
    ['require: a forbidden option', { require: ['DEVMEM'] }, 'k/forbidden.config:1'],
    ['require: what the hardening turns off', { require: ['LOOSE'] }, 'k/hardening.config:3'],
    ['require: modules', { require: ['MODULES'] }, 'k/unsupported.config:1'],
    ['forbid: what the base needs', { forbid: ['SMP'] }, 'k/base.config:1'],
    ['forbid: what the manifest requires', { require: ['UNIX'], forbid: ['UNIX'] }, 'kernel.require'],
    [
      'an exception for modules',
      { exceptions: [{ option: 'CONFIG_MODULES', reason: 'x' }] },
      'unsupported.config:1',
    ],
    [
      'an exception for a base option',
      { exceptions: [{ option: 'CONFIG_SMP', reason: 'x' }] },
      'no hardening option',
    ],
    [
      'an exception for a number',
      { exceptions: [{ option: 'CONFIG_BITS', reason: 'x' }] },
      'k/hardening.config:2',
    ],
    ['a parameter that undoes hardening', { cmdline: ['nopti'] }, 'k/forbidden.config:2'],
    ['a hardening parameter with another value', { cmdline: ['pti=off'] }, 'k/hardening.config:4'],
    ['another PID 1', { cmdline: ['rdinit=/bin/sh'] }, 'k/base.config:3'],
  ])('refuses %s, naming the place', (_, request, place) => {
    const error = refusal(request);
    expect(error.code).toBe('kernel-config');
    expect(error.details).toHaveLength(1);
    expect(error.details[0]).toContain(place);
  });

  it('turns a hardening option around for an exception, with its reason', () => {
    const exceptions = [
      { option: 'CONFIG_CFI', reason: 'a driver' },
      { option: 'CONFIG_LOOSE', reason: 'another' },
      { option: 'CONFIG_DEVMEM', reason: 'a tool' },
    ];
    const { options, forbidden } = mergeRequest(line(), { ...nothing, exceptions });
    expect(options.get('CFI')).toMatchObject({ value: 'n', reason: 'a driver' });
    expect(options.get('LOOSE')).toMatchObject({ value: 'y', reason: 'another' });
    expect(options.get('DEVMEM')).toMatchObject({ value: 'y', reason: 'a tool' });
    expect(forbidden.has('DEVMEM')).toBe(false);
  });

  it('keeps modules forbidden without hardening too', () => {
    expect(mergeRequest(line(), { ...nothing, hardening: false }).forbidden.has('MODULES')).toBe(true);
  });

  it('puts the command line together: fragments first, the manifest last', () => {
    const { cmdline } = mergeRequest(line(), { ...nothing, cmdline: ['quiet', 'pti=on'], initOnFree: false });
    expect(encodeCmdline(cmdline)).toBe('rdinit=/init pti=on init_on_free=0 quiet');
  });

  it('leaves out a parameter of the hardening for an exception', () => {
    const exceptions = [
      { option: 'pti', reason: 'old hardware' },
      { option: 'kernel.kptr_restrict', reason: 'a sysctl is not the business of the kernel line' },
    ];
    expect(encodeCmdline(mergeRequest(line(), { ...nothing, exceptions }).cmdline)).toBe('rdinit=/init');
    const { cmdline } = mergeRequest(line(), { ...nothing, exceptions, cmdline: ['pti=off'] });
    expect(encodeCmdline(cmdline)).toBe('rdinit=/init pti=off');
  });
});

describe('encodeCmdline()', () => {
  it('refuses a line that x86 would cut off', () => {
    const parameters = [{ text: 'x'.repeat(2048), reason: '', origin: '' }];
    expect(() => encodeCmdline(parameters)).toThrow(/2048 characters; x86 takes 2047/);
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataDir } from '../../src/data-dir.ts';
import { encodeCmdline } from '../../src/kernel/cmdline.ts';
import { loadKernelLine } from '../../src/kernel/kernel-line.ts';
import { mergeRequest } from '../../src/kernel/request.ts';

const line = await loadKernelLine('linux-6.12');
const all = [...line.fragments.values(), line.forbidden, line.unsupported];
const wishes = { require: [], forbid: [], exceptions: [] };

describe('loadKernelLine("linux-6.12")', () => {
  it('finds the fragments beside the packages', () => {
    expect(line.path).toBe(join(dataDir('kernels'), 'linux-6.12'));
    expect(line.features).toContain('virtio');
    expect(line.features).not.toContain('virtio+network');
  });

  it('has a reason of its own for each option and parameter', () => {
    for (const { options, cmdline } of all) {
      for (const { reason, origin } of [...options, ...cmdline]) {
        expect(reason.length, origin).toBeGreaterThan(4);
        expect(reason, origin).not.toMatch(/TODO|FIXME|\?\?/);
      }
    }
  });

  it('has combinations of known parts only', () => {
    const known = new Set(['base', 'hardening', ...line.features]);
    for (const name of line.fragments.keys()) {
      for (const part of name.split('+')) expect(known, name).toContain(part.replace(/^no-/, ''));
    }
  });

  it('has forbidden and unsupported options with the value n alone', () => {
    for (const option of [...line.forbidden.options, ...line.unsupported.options]) {
      expect(option.value, option.origin).toBe('n');
    }
  });

  it('merges without conflict with all features, with and without network and hardening', () => {
    for (const network of [true, false]) {
      for (const hardening of [true, false]) {
        const merged = mergeRequest(line, { ...wishes, features: line.features, network, hardening });
        expect(merged.options.size).toBeGreaterThan(100);
      }
    }
  });

  it('merges without conflict with each feature alone', () => {
    for (const feature of line.features) {
      expect(() => mergeRequest(line, { ...wishes, features: [feature], network: true })).not.toThrow();
    }
  });

  it('gives the command line that the hardening checker passes', () => {
    const { cmdline } = mergeRequest(line, { ...wishes, features: ['serial'], network: false });
    expect(encodeCmdline(cmdline).split(' ').sort()).toEqual([
      'console=ttyS0',
      'hardened_usercopy=1',
      'hash_pointers=always',
      'iommu=force',
      'mitigations=auto,nosmt',
      'nosmt',
      'page_alloc.shuffle=1',
      'pti=on',
      'rdinit=/init',
      'rootfstype=ramfs',
    ]);
  });

  it('has no protocol and no network card without a network', () => {
    const features = ['virtio', 'tpm', 'serial'];
    const { options } = mergeRequest(line, { ...wishes, features, network: false });
    for (const symbol of ['INET', 'IPV6', 'UNIX', 'NETDEVICES', 'VIRTIO_NET', 'SYN_COOKIES']) {
      expect(options.has(symbol), symbol).toBe(false);
    }
  });
});

describe('loadKernelLine()', () => {
  it('refuses an unknown line with the one that may be meant', async () => {
    await expect(loadKernelLine('linux-6.21')).rejects.toMatchObject({
      code: 'invalid-input',
      message: 'Cannot find the kernel line "linux-6.21", did you mean "linux-6.12"?',
    });
  });

  it('refuses a path instead of a name', async () => {
    await expect(loadKernelLine('../kernels/linux-6.12')).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('refuses a line without its four parts', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'altee-kernels-'));
    try {
      await mkdir(join(dir, 'linux-1.0', 'features'), { recursive: true });
      await writeFile(join(dir, 'linux-1.0', 'base.config'), 'CONFIG_A=y  # base option\n');
      await expect(loadKernelLine('linux-1.0', dir)).rejects.toMatchObject({
        code: 'kernel-config',
        message: 'The kernel line "linux-1.0" is incomplete',
      });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

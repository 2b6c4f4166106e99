import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { directCommandLine } from '../../src/tdx/command-line.ts';
import { patchKernelHeader } from '../../src/tdx/direct-kernel.ts';

const MiB = 2 ** 20;

/** The header of Linux 6.12's bzImage, as far as QEMU reads it. */
function header(): Uint8Array {
  const kernel = new Uint8Array(0x1000);
  const view = new DataView(kernel.buffer);
  kernel.set(ascii('HdrS'), 0x202);
  view.setUint16(0x206, 0x20f, true);
  view.setUint8(0x211, 0x01);
  view.setUint16(0x224, 0x53a0, true);
  view.setUint32(0x22c, 0x7fff_ffff, true);
  view.setUint16(0x236, 0x7f, true);
  return kernel;
}

/** Fields that QEMU may change, little-endian. */
function fields(kernel: Uint8Array): Record<string, number> {
  const view = new DataView(kernel.buffer);
  return {
    typeOfLoader: view.getUint8(0x210),
    loadFlags: view.getUint8(0x211),
    ramdiskImage: view.getUint32(0x218, true),
    ramdiskSize: view.getUint32(0x21c, true),
    heapEnd: view.getUint16(0x224, true),
    commandLine: view.getUint32(0x228, true),
  };
}

describe('patchKernelHeader()', () => {
  // Read out of QEMU 10.0.13 (q35, fw_cfg 0x18) with a 6.12 kernel and an initrd of 3333333 bytes.
  const common = { typeOfLoader: 0xb0, loadFlags: 0x81, heapEnd: 0xfe00, commandLine: 0x20000 };

  it.each([2048, 4096])('puts the initrd where QEMU does with %i MiB', (mib) => {
    const patched = patchKernelHeader(header(), { memoryBytes: mib * MiB, initrdSize: 3333333 });
    expect(fields(patched)).toEqual({ ...common, ramdiskImage: 0x7fcaa000, ramdiskSize: 3333333 });
  });

  it('leaves the initrd’s fields alone where there is none, and the kernel it was given', () => {
    const kernel = header();
    const patched = patchKernelHeader(kernel, { memoryBytes: 512 * MiB, initrdSize: 0 });
    expect(fields(patched)).toEqual({ ...common, ramdiskImage: 0, ramdiskSize: 0 });
    expect(kernel).toEqual(header());
    const same = (bytes: Uint8Array): Uint8Array => bytes.slice(0x22c);
    expect(same(patched)).toEqual(same(kernel));
  });

  it('refuses what is no bzImage', () => {
    expect(() => patchKernelHeader(new Uint8Array(0x1000), { memoryBytes: MiB, initrdSize: 0 })).toThrow(
      /HdrS/,
    );
    expect(() => patchKernelHeader(header().slice(0, 0x210), { memoryBytes: MiB, initrdSize: 0 })).toThrow(
      /ends in it/,
    );
  });
});

describe('directCommandLine()', () => {
  it('names the initrd where the release of OVMF does', () => {
    expect(directCommandLine('a=b c', true, 'suffix')).toBe('a=b c initrd=initrd');
    expect(directCommandLine('a=b c', true, 'prefix')).toBe('initrd=initrd a=b c');
    expect(directCommandLine('a=b c', false, 'prefix')).toBe('a=b c');
    expect(() => directCommandLine('ä', true, 'suffix')).toThrow(/ASCII/);
  });
});

import { describe, expect, it } from 'vitest';
import { parseGuid } from '../../src/bytes/guid.ts';
import { fromHex, toHex } from '../../src/bytes/hex.ts';
import { ovmfRules } from '../../src/index.ts';
import { failingAttempts, predictBootOptions } from '../../src/predict/boot-options.ts';
import type { BootDevice } from '../../src/predict/machine.ts';
import { devicePath, filePathNode } from '../../src/uefi/device-path.ts';
import { encodeLoadOption } from '../../src/uefi/load-option.ts';

/** Debian OVMF 2025.02 (OVMF_CODE_4M.fd): UiApp first, the shell last. */
const rules =
  ovmfRules('624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0') ?? expect.fail('no rules');
const automatic = parseGuid('8108ac4e-9f11-4d59-850e-e21a522c59b2');
const pathOf = (slot: string) => fromHex(`02010c00d041030a0000000001010600${slot}7fff0400`);
const disk: BootDevice = { kind: 'disk', description: 'UEFI Misc Device', path: pathOf('0001') };
const option = (description: string, path: Uint8Array, optionalData: Uint8Array = new Uint8Array(0)) =>
  encodeLoadOption({ attributes: 1, description, path, optionalData });
const leftBehind = option('Left behind', devicePath(filePathNode('\\EFI\\gone\\gone.efi')));
const ofDisk = option('UEFI Misc Device', pathOf('0001'), automatic);
const ofGoneDisk = option('UEFI QEMU HARDDISK QM00001 ', pathOf('021f'), automatic);

function make(device: BootDevice, stored: readonly [number, Uint8Array][], directBoot = false) {
  return predictBootOptions(
    rules,
    [device],
    directBoot,
    stored.map(([number, data]) => ({ number, data })),
  );
}

const names = (made: ReturnType<typeof make>) =>
  made.options.map(({ name, description }) => `${name.slice(4)} ${description}`);

describe('predictBootOptions() with a store that has boot options', () => {
  it('keeps a file’s option and its place behind the devices with a boot index', () => {
    // As a boot has shown.
    const made = make({ ...disk, bootIndex: 0 }, [[7, leftBehind]]);
    expect(names(made)).toEqual([
      '0001 UEFI Misc Device',
      '0007 Left behind',
      '0000 UiApp',
      '0002 EFI Internal Shell',
    ]);
    expect(toHex(made.order)).toBe('0100070000000200');
    expect(failingAttempts(made, [{ ...disk, bootIndex: 0 }])).toBe(0);
  });

  it('takes away a device that is gone, keeps one that is there, and fills the lowest numbers', () => {
    // As a boot has shown.
    const made = make(disk, [
      [0, ofGoneDisk],
      [7, leftBehind],
      [3, ofDisk],
    ]);
    expect(names(made)).toEqual([
      '0007 Left behind',
      '0003 UEFI Misc Device',
      '0000 UiApp',
      '0001 EFI Internal Shell',
    ]);
    expect(failingAttempts(made, [disk])).toBe(1);
  });

  it('keeps firmware’s own applications where they are', () => {
    const [own, , shell] = make(disk, []).options;
    const made = make(disk, [
      [5, shell?.data ?? expect.fail()],
      [2, own?.data ?? expect.fail()],
    ]);
    expect(names(made)).toEqual(['0005 EFI Internal Shell', '0002 UiApp', '0000 UEFI Misc Device']);
  });

  it.each([
    ['a disk’s', option('Linux', pathOf('0001'))],
    [
      'an inactive one',
      encodeLoadOption({
        attributes: 0,
        description: 'x',
        path: devicePath(filePathNode('\\x')),
        optionalData: new Uint8Array(0),
      }),
    ],
  ])('has no answer for %s', (_, data) => {
    expect(() => make(disk, [[4, data]])).toThrow('Whether firmware keeps Boot0004');
  });

  it('has no answer for -kernel', () => {
    expect(() => make(disk, [[7, leftBehind]], true)).toThrow('-kernel');
  });
});

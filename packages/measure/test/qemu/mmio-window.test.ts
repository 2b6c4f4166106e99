import { describe, expect, it } from 'vitest';
import { type AddressWidth, hotplugReserve, mmioWindow } from '../../src/qemu/mmio-window.ts';
import { ovmfRules } from '../../src/qemu/ovmf-rules.ts';

const GiB = 2n ** 30n;
const amd: AddressWidth = {
  vendor: 'AuthenticAMD',
  physicalAddressBits: 40,
  guestPhysicalAddressBits: 0,
  gigabytePages: true,
  la57: true,
};
const intel: AddressWidth = { ...amd, vendor: 'GenuineIntel', la57: false };
const { window: window2022 } =
  ovmfRules('b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c') ?? expect.fail();
const { window: window2025 } =
  ovmfRules('624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0') ?? expect.fail();
/** What QEMU keeps free for AMD's HyperTransport. */
const hyperTransport = { base: 0xfd_0000_0000n, length: 0x3_0000_0000n };

describe('mmioWindow()', () => {
  it('lies right above the memory, by 32 GiB, where the width of 40 bits is QEMU’s default on an Intel model', () => {
    expect(mmioWindow(intel, window2025, 4n * GiB, [])).toEqual({ base: 32n * GiB, size: 32n * GiB });
    expect(mmioWindow(intel, window2025, 20n * GiB, []).base).toBe(32n * GiB);
    expect(mmioWindow(intel, window2025, 33n * GiB, []).base).toBe(64n * GiB);
  });

  it('is the last eighth of 40 bits on an AMD model, below what is reserved', () => {
    expect(mmioWindow(amd, window2022, 4n * GiB, [hyperTransport]).base).toBe(0xe0_0000_0000n);
    expect(mmioWindow(amd, window2025, 4n * GiB, [hyperTransport]).base).toBe(0xc0_0000_0000n);
  });

  it('reserves a 256th for each port, and nothing of a small window', () => {
    expect(hotplugReserve(mmioWindow(amd, window2025, 4n * GiB, []))).toBe(GiB / 2n);
    expect(hotplugReserve(mmioWindow(intel, window2025, 4n * GiB, []))).toBe(0n);
  });
});

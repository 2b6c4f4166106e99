import { Reader } from '../bytes/reader.ts';
import { fromUtf8 } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import type { QemuMachine } from './machine.ts';
import { q35Smram } from './q35-smram.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** What each chipset fixes (edk2-stable202211 OvmfPkg/Library/PlatformInitLib, `PlatformMemMapInitialization`). */
const chipsets = {
  q35: {
    hostBridge: 0x29c0,
    /** QEMU hw/i386/pc_q35.c: from so much memory on, all above 2 GiB lies above 4 GiB. */
    splitBytes: 0xb000_0000,
    lowBytes: 2 * GIB,
    /** PcdPciExpressBaseAddress, behind which the window of 32-bit devices begins. */
    pciExpress: 0xb000_0000,
    io: { base: 0x6000, size: 0xa000 },
  },
  pc: {
    hostBridge: 0x1237,
    /** QEMU hw/i386/pc_piix.c. */
    splitBytes: 0xe000_0000,
    lowBytes: 3 * GIB,
    pciExpress: undefined,
    io: { base: 0xc000, size: 0x4000 },
  },
} as const;

const PCI_EXPRESS_BYTES = 256 * MIB;
/** The window of 32-bit devices ends where the I/O APIC begins. */
const WINDOW_32_END = 0xfc00_0000;
/** PcdPciMmio64Size. */
const WINDOW_64_BYTES = 32 * GIB;
/** Memory kept for the way back from S3: 512 KiB, and PcdCpuApStackSize for each processor. */
const S3_BYTES = 512 * KIB;
const AP_STACK_BYTES = 32 * KIB;
/** PcdCpuMaxLogicalProcessorNumber. */
const DEFAULT_MAX_CPUS = 64;

/**
 * EFI_HOB_PLATFORM_INFO without its header, as edk2-stable202211's PlatformPei keeps it in a variable of its own
 * (`mPlatformInfoHob`, OvmfPkg/Include/Library/PlatformInitLib.h), and the variable behind it
 * (`mFeatureControlValue`, OvmfPkg/PlatformPei/FeatureControl.c): 128 bytes, as they are when PEI measures itself.
 */
export function encodePlatformInfo(machine: QemuMachine, smm: boolean): Uint8Array {
  const smram = smm ? q35Smram(machine) : undefined;
  const tsegMib = smram?.tsegMib ?? 0;
  const chipset = chipsets[machine.chipset];
  const { low, high } = splitMemory(machine);
  const uncached = uncachedWindow(low, chipset.pciExpress);
  const window32 = chipset.pciExpress === undefined ? uncached.base : chipset.pciExpress + PCI_EXPRESS_BYTES;
  const space = addressSpace(machine, high);
  const maxCpus = machine.maxVcpus ?? machine.vcpus;
  const s3 = offersS3(machine);
  const s3Bytes = s3 ? S3_BYTES + AP_STACK_BYTES * maxCpus : 0;
  const s3Base = s3 ? low - tsegMib * MIB - s3Bytes : 0;
  const writer = new Writer();
  writer.u16(chipset.hostBridge);
  writer.u64(0).u8(0).u32(0); // No confidential guest; a boot with full configuration.
  writer.u8(Number(s3));
  writer
    .u8(Number(smm))
    .u8(Number(smram?.atDefaultBase ?? false))
    .u16(tsegMib);
  writer.u64(space.firstNonAddress).u8(space.addressBits);
  writer.u32(uncached.base).u32(uncached.size);
  writer.u8(0).u64(0); // PcdSetNxForStack, PcdTdxSharedBitMask.
  writer.u64(space.windowBase).u64(space.windowSize);
  writer.u32(window32).u32(WINDOW_32_END - window32);
  writer.u64(chipset.io.base).u64(chipset.io.size);
  writer.u64(0); // PcdEmuVariableNvStoreReserved.
  writer.u32(machine.vcpus).u32(maxCpus).u32(DEFAULT_MAX_CPUS);
  writer.u32(s3Base).u32(s3Bytes);
  writer.u8(1).u8(1).zeros(4); // fw_cfg is there, with DMA.
  return writer.bytes(featureControl(machine)).finish();
}

/** Bytes of memory below and above 4 GiB. */
function splitMemory({ chipset, memoryMib }: QemuMachine): { low: number; high: number } {
  const { splitBytes, lowBytes } = chipsets[chipset];
  const bytes = memoryMib * MIB;
  return bytes < splitBytes ? { low: bytes, high: 0 } : { low: lowBytes, high: bytes - lowBytes };
}

/** What is marked uncacheable below 4 GiB (`PlatformQemuUc32BaseInitialization`). Its size is kept on `pc` only. */
function uncachedWindow(low: number, pciExpress: number | undefined): { base: number; size: number } {
  if (pciExpress !== undefined) return { base: low <= 2 * GIB ? 2 * GIB : pciExpress, size: 0 };
  const size = 2 ** Math.floor(Math.log2(4 * GIB - low));
  return { base: 4 * GIB - size, size };
}

/** The 64-bit window and the address space around it (`PlatformAddressWidthInitialization`). Sizes reach 2^47. */
function addressSpace(
  { cpu, fwCfg }: QemuMachine,
  high: number,
): { firstNonAddress: bigint; addressBits: number; windowBase: bigint; windowSize: bigint } {
  const wanted = align(classicWindowBytes(fwCfg), GIB);
  const memoryEnd = reservedMemoryEnd(fwCfg) ?? 4 * GIB + high;
  // The window begins at a multiple of the largest device that fits into it.
  const classic = {
    base: align(align(memoryEnd, GIB), 2 ** Math.floor(Math.log2(wanted))),
    size: wanted,
  };
  const firstNonAddress = classic.base + classic.size;
  const bits = trustedAddressBits(cpu);
  if (bits === undefined) {
    const addressBits = Math.max(36, Math.ceil(Math.log2(firstNonAddress)));
    return result(firstNonAddress, addressBits, classic);
  }
  // PlatformDynamicMmioWindow: an eighth of the address space, at its end.
  const size = 2 ** (bits - 3);
  const dynamic = classic.size < size && classic.base + size < 2 ** bits;
  return result(firstNonAddress, bits, dynamic ? { base: 2 ** bits - size, size } : classic);
}

function result(
  firstNonAddress: number,
  addressBits: number,
  window: { base: number; size: number },
): ReturnType<typeof addressSpace> {
  return {
    firstNonAddress: BigInt(firstNonAddress),
    addressBits,
    windowBase: BigInt(window.base),
    windowSize: BigInt(window.size),
  };
}

/** Wider ones would need page tables of five levels. */
const MAX_ADDRESS_BITS = 47;

/** The processor's address width where firmware believes it (`PlatformAddressWidthFromCpuid`): QEMU's default is no real one. */
function trustedAddressBits({ vendor, physicalAddressBits: bits }: QemuMachine['cpu']): number | undefined {
  const trusted = bits >= 41 || (vendor === 'GenuineIntel' ? bits === 36 || bits === 39 : bits === 40);
  return trusted ? Math.min(bits, MAX_ADDRESS_BITS) : undefined;
}

/** `opt/ovmf/X-PciMmio64Mb`, in MiB as decimal text; ignored above 16 TiB. */
function classicWindowBytes(fwCfg: QemuMachine['fwCfg']): number {
  const text = fromUtf8(fwCfg['opt/ovmf/X-PciMmio64Mb'] ?? new Uint8Array(0)) ?? '';
  const mib = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return mib > 0 && mib <= 2 ** 24 ? mib * MIB : WINDOW_64_BYTES;
}

/** `etc/reserved-memory-end`: the end of the memory that can be plugged in. */
function reservedMemoryEnd(fwCfg: QemuMachine['fwCfg']): number | undefined {
  const file = fwCfg['etc/reserved-memory-end'];
  return file?.length === 8 ? new Reader(file, 'etc/reserved-memory-end').length64('end') : undefined;
}

/** `etc/msr_feature_control`: QEMU has it for processors with VMX or LMCE. */
function featureControl({ fwCfg }: QemuMachine): Uint8Array {
  const file = fwCfg['etc/msr_feature_control'];
  return file?.length === 8 ? file : new Uint8Array(8);
}

function align(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** `etc/system-states` (QEMU hw/isa/lpc_ich9.c): bit 7 of byte 3 offers the sleep state S3, as QEMU does by default. */
function offersS3({ fwCfg }: QemuMachine): boolean {
  const states = fwCfg['etc/system-states'];
  return states === undefined || ((states[3] ?? 0) & 0x80) !== 0;
}

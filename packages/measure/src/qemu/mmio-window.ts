/** What a processor tells of itself by CPUID. */
export interface AddressWidth {
  /** CPUID 0: `GenuineIntel`. */
  readonly vendor: string;
  /** CPUID 0x80000008, EAX 7:0. */
  readonly physicalAddressBits: number;
  /** CPUID 0x80000008, EAX 23:16; 0 where the guest is told nothing. */
  readonly guestPhysicalAddressBits: number;
  readonly gigabytePages: boolean;
  readonly la57: boolean;
}

/** A range that firmware must leave alone. */
export interface ReservedRange {
  readonly base: bigint;
  readonly length: bigint;
}

/** How one release of OVMF sizes the window. */
export interface MmioWindowRules {
  /** The most address bits that it uses with four levels of paging. */
  readonly mostBits: number;
  /** Whether it goes around reserved ranges of `etc/e820`. */
  readonly avoidsReserved: boolean;
  /** Whether a width for guests (CPUID 0x80000008, EAX 23:16) counts as a width to trust. */
  readonly trustsGuestBits: boolean;
}

const GiB = 2n ** 30n;
/** Its size where the processor's width isn't trusted (`PcdPciMmio64Size`). */
const classicSize = 32n * GiB;

/** Whether firmware believes the processor's address width: QEMU's default of 40 bits says nothing on Intel's. */
function isWidthTrusted(cpu: AddressWidth, rules: MmioWindowRules): boolean {
  const { vendor, physicalAddressBits: bits, guestPhysicalAddressBits: guestBits } = cpu;
  if (rules.trustsGuestBits && guestBits !== 0) return true;
  if (bits >= 41) return true;
  return vendor === 'GenuineIntel' ? bits === 36 || bits === 39 : vendor === 'AuthenticAMD' && bits === 40;
}

/** Guest physical addresses for 64-bit BARs, in bytes. */
export interface MmioWindow {
  readonly base: bigint;
  readonly size: bigint;
}

/**
 * OVMF's window for 64-bit BARs (edk2 OvmfPkg/Library/PlatformInitLib/MemDetect.c). `endOfMemory` is the first address
 * above the guest's memory, in bytes.
 */
export function mmioWindow(
  cpu: AddressWidth,
  rules: MmioWindowRules,
  endOfMemory: bigint,
  reserved: readonly ReservedRange[],
): MmioWindow {
  if (!isWidthTrusted(cpu, rules)) {
    return { base: align(align(endOfMemory, GiB), classicSize), size: classicSize };
  }
  const guestBits = rules.trustsGuestBits ? cpu.guestPhysicalAddressBits : 0;
  const told = guestBits === 0 ? cpu.physicalAddressBits : Math.min(guestBits, cpu.physicalAddressBits);
  const paged = Math.min(told, cpu.la57 ? 48 : rules.mostBits);
  const bits = BigInt(cpu.gigabytePages ? paged : Math.min(paged, 40));
  const size = 2n ** (bits - 3n);
  const top = 2n ** bits;
  let base = top - size;
  for (const range of rules.avoidsReserved ? reserved : []) {
    const overlaps = range.base < base + size && base < range.base + range.length;
    if (overlaps) base = (range.base - size) & ~(size - 1n);
  }
  return { base, size };
}

/**
 * What firmware keeps free behind each port for devices to be plugged in: a part of a window that is larger than the
 * classic one (edk2 OvmfPkg/PciHotPlugInitDxe).
 */
export function hotplugReserve({ size }: MmioWindow): bigint {
  return size > classicSize ? size / 256n : 0n;
}

function align(value: bigint, alignment: bigint): bigint {
  return ((value + alignment - 1n) / alignment) * alignment;
}

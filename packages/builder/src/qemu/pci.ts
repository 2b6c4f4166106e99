import type { Qtest } from './qtest.ts';

/** A function of a PCI device: bus, device and function number. */
export interface PciFunction {
  readonly bus: number;
  readonly device: number;
  readonly function: number;
}

const ADDRESS_PORT = 0xcf8;
const DATA_PORT = 0xcfc;

/** PCI configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2): 32 bits at a time. */
export class PciConfig {
  readonly #qtest: Qtest;

  constructor(qtest: Qtest) {
    this.#qtest = qtest;
  }

  async read(place: PciFunction, offset: number): Promise<number> {
    await this.#qtest.outl(ADDRESS_PORT, address(place, offset));
    return this.#qtest.inl(DATA_PORT);
  }

  async write(place: PciFunction, offset: number, value: number): Promise<void> {
    await this.#qtest.outl(ADDRESS_PORT, address(place, offset));
    await this.#qtest.outl(DATA_PORT, value);
  }

  /** Writes the bits of `mask` in a dword. */
  async change(place: PciFunction, offset: number, mask: number, value: number): Promise<void> {
    const before = await this.read(place, offset);
    await this.write(place, offset, ((before & ~mask) | (value & mask)) >>> 0);
  }
}

function address({ bus, device, function: fn }: PciFunction, offset: number): number {
  return (0x80000000 | (bus << 16) | (device << 11) | (fn << 8) | (offset & 0xfc)) >>> 0;
}

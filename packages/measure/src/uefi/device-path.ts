import { parseGuid } from '../bytes/guid.ts';
import { utf16z } from '../bytes/text.ts';
import { concatBytes, Writer } from '../bytes/writer.ts';
import type { GptPartition } from './gpt.ts';

/** One node: type, sub-type, length with this header, data (UEFI 2.11, table 10.1). */
function node(type: number, subType: number, data: Uint8Array): Uint8Array {
  return new Writer()
    .u8(type)
    .u8(subType)
    .u16(4 + data.length)
    .bytes(data)
    .finish();
}

const end = node(0x7f, 0xff, new Uint8Array(0));

/** The nodes and the end node. */
export function devicePath(...nodes: readonly Uint8Array[]): Uint8Array {
  return concatBytes([...nodes, end]);
}

/** HD(n,GPT,…) (UEFI 2.11, 10.3.5.1). */
export function hardDriveNode(partition: GptPartition): Uint8Array {
  const data = new Writer()
    .u32(partition.number)
    .u64(partition.firstLba)
    .u64(partition.lastLba - partition.firstLba + 1n)
    .bytes(parseGuid(partition.uniqueGuid))
    .u8(2) // GPT
    .u8(2); // signature is a GUID
  return node(4, 1, data.finish());
}

/** A file's path with backslashes (UEFI 2.11, 10.3.5.4). */
export function filePathNode(path: string): Uint8Array {
  return node(4, 4, utf16z(path));
}

/** A vendor's media node without data (UEFI 2.11, 10.3.5.3). */
export function vendorMediaNode(guid: string): Uint8Array {
  return node(4, 3, parseGuid(guid));
}

/** The PCI root bridge of that number (UEFI 2.11, 10.3.3): ACPI name PNP0A03. */
export function pciRootNode(uid = 0): Uint8Array {
  return node(2, 1, new Writer().u32(0x0a0341d0).u32(uid).finish());
}

/** A function of a PCI device (UEFI 2.11, 10.3.2.1). */
export function pciNode(device: number, fn = 0): Uint8Array {
  return node(1, 1, Uint8Array.of(fn, device));
}

/** A SATA disk at a port of its controller, without port multiplier (UEFI 2.11, 10.3.4.6). */
export function sataNode(port: number): Uint8Array {
  return node(3, 18, new Writer().u16(port).u16(0xffff).u16(0).finish());
}

/** A namespace of an NVMe controller, whose identifier EUI-64 is not set (UEFI 2.11, 10.3.4.22). */
export function nvmeNode(namespace: number): Uint8Array {
  return node(3, 23, new Writer().u32(namespace).u64(0).finish());
}

/** A SCSI target and logical unit (UEFI 2.11, 10.3.4.2). */
export function scsiNode(target: number, unit: number): Uint8Array {
  return node(3, 2, new Writer().u16(target).u16(unit).finish());
}

/** A network interface by its address, which stands first in 32 bytes; type 1 is Ethernet (UEFI 2.11, 10.3.4.10). */
export function macNode(address: Uint8Array): Uint8Array {
  return node(
    3,
    11,
    new Writer()
      .bytes(address)
      .zeros(32 - address.length)
      .u8(1)
      .finish(),
  );
}

/** IPv4 with nothing set (UEFI 2.11, 10.3.4.11). */
export function ipv4Node(): Uint8Array {
  return node(3, 12, new Uint8Array(23));
}

/** IPv6 with nothing set but the length of the prefix, 64 (UEFI 2.11, 10.3.4.12). */
export function ipv6Node(): Uint8Array {
  return node(3, 13, new Writer().zeros(39).u8(64).zeros(16).finish());
}

/** An empty URI (UEFI 2.11, 10.3.4.23). */
export function uriNode(): Uint8Array {
  return node(3, 24, new Uint8Array(0));
}

/** A firmware volume by its name (PI 1.8, volume 2, 8.3). */
export function firmwareVolumeNode(guid: string): Uint8Array {
  return node(4, 7, parseGuid(guid));
}

/** A file in a firmware volume (PI 1.8, volume 2, 8.2). */
export function firmwareFileNode(guid: string): Uint8Array {
  return node(4, 6, parseGuid(guid));
}

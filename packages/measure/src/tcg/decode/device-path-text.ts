import { formatGuid } from '../../bytes/guid.ts';
import { hexNumber, toHex } from '../../bytes/hex.ts';
import { Reader } from '../../bytes/reader.ts';
import { fromUtf16, showAscii } from '../../bytes/text.ts';
import { guidName } from './guid-names.ts';

type NodeText = (node: Reader) => string;

/** Texts of nodes by type and sub-type (UEFI 2.11, 10.3 and table 10.69). */
const nodes: Readonly<Record<string, NodeText>> = {
  '1/1': (node) => {
    const fn = node.u8('Function');
    return `Pci(${hexNumber(node.u8('Device'))},${hexNumber(fn)})`;
  },
  '1/3': (node) => {
    const type = node.u32('MemoryType');
    return `MemoryMapped(${hexNumber(type)},${hexNumber(node.u64('Start'))},${hexNumber(node.u64('End'))})`;
  },
  '1/4': (node) => guidNode('VenHw', node),
  '1/5': (node) => `Ctrl(${hexNumber(node.u32('Controller'))})`,
  '2/1': acpiNode,
  '2/2': (node) => acpiNode(node),
  '2/3': (node) => `AcpiAdr(${hexNumber(node.u32('ADR'))})`,
  '3/1': (node) => `Ata(${node.u8('PrimarySecondary')},${node.u8('SlaveMaster')},${node.u16('LUN')})`,
  '3/2': (node) => `Scsi(${hexNumber(node.u16('Target'))},${hexNumber(node.u16('LUN'))})`,
  '3/5': (node) => `USB(${hexNumber(node.u8('Port'))},${hexNumber(node.u8('Interface'))})`,
  '3/10': (node) => guidNode('VenMsg', node),
  '3/11': (node) => {
    const address = toHex(node.bytes(32, 'MAC'));
    const type = node.u8('IfType');
    return `MAC(${type <= 1 ? address.slice(0, 12) : address},${hexNumber(type)})`;
  },
  '3/12': () => 'IPv4()',
  '3/13': () => 'IPv6()',
  '3/14': () => 'Uart()',
  '3/17': (node) => `Unit(${node.u8('LUN')})`,
  '3/18': (node) =>
    `Sata(${hexNumber(node.u16('HBAPort'))},${hexNumber(node.u16('PortMultiplier'))},${hexNumber(node.u16('LUN'))})`,
  '3/20': (node) => `Vlan(${node.u16('VlanId')})`,
  '3/23': (node) => {
    const namespace = node.u32('NamespaceId');
    return `NVMe(${hexNumber(namespace)},${toHex(node.bytes(8, 'EUI').toReversed())})`;
  },
  '3/24': (node) => `Uri(${showAscii(node.rest())})`,
  '4/1': hardDriveNode,
  '4/2': (node) => `CDROM(${hexNumber(node.u32('BootEntry'))})`,
  '4/3': (node) => guidNode('VenMedia', node),
  '4/4': (node) => fromUtf16(node.rest()),
  '4/6': (node) => guidNode('FvFile', node),
  '4/7': (node) => guidNode('Fv', node),
  '4/8': (node) => {
    node.skip(4, 'Reserved');
    return `Offset(${hexNumber(node.u64('Start'))},${hexNumber(node.u64('End'))})`;
  },
  '4/9': (node) => `RamDisk(${hexNumber(node.u64('Start'))},${hexNumber(node.u64('End'))})`,
  '5/1': (node) => {
    const type = node.u16('DeviceType');
    node.skip(2, 'StatusFlag');
    return `BBS(${hexNumber(type)},${showAscii(node.rest())})`;
  },
};

const end = { type: 0x7f, instance: 0x01, entire: 0xff } as const;

/**
 * A device path as text, in the form of UEFI's shell (UEFI 2.11, 10.6.1.6). Nodes without a text of their own are
 * shown as `Path(type,subtype,bytes)`; a path that is cut ends in `…`.
 */
export function devicePathText(bytes: Uint8Array): string {
  const reader = new Reader(bytes, 'EFI_DEVICE_PATH_PROTOCOL');
  const parts: string[] = [];
  let text = '';
  while (reader.remaining >= 4) {
    const type = reader.u8('Type');
    const subType = reader.u8('SubType');
    const length = reader.u16('Length');
    if (type === end.type) {
      if (subType !== end.instance) return [...parts, text].join(',');
      parts.push(text);
      text = '';
      continue;
    }
    if (length < 4 || length - 4 > reader.remaining) break;
    const node = nodeText(type, subType, reader.bytes(length - 4, 'data'));
    text += text === '' || text.endsWith('\\') || node.startsWith('\\') ? node : `/${node}`;
  }
  return `${[...parts, text].join(',')}…`;
}

function nodeText(type: number, subType: number, data: Uint8Array): string {
  const show = nodes[`${type}/${subType}`];
  try {
    if (show) return show(new Reader(data, 'EFI_DEVICE_PATH_PROTOCOL'));
  } catch {
    // A node shorter than its kind needs: shown as bytes.
  }
  return `Path(${type},${subType},${toHex(data.subarray(0, 64))})`;
}

/** Compressed EISA identifiers of root bridges (ACPI 6.5, 6.1.5). */
const eisa: Readonly<Record<string, string>> = { PNP0a03: 'PciRoot', PNP0a08: 'PcieRoot' };

function acpiNode(node: Reader): string {
  const hid = node.u32('HID');
  const uid = node.u32('UID');
  const letter = (shift: number): string => String.fromCharCode(((hid >> shift) & 0x1f) + 0x40);
  const name = `${letter(10)}${letter(5)}${letter(0)}${(hid >>> 16).toString(16).padStart(4, '0')}`;
  const known = eisa[name];
  return known ? `${known}(${hexNumber(uid)})` : `Acpi(${name.toUpperCase()},${hexNumber(uid)})`;
}

function guidNode(name: string, node: Reader): string {
  const guid = formatGuid(node.bytes(16, 'GUID'));
  const rest = node.rest();
  const known = guidName(guid);
  return `${name}(${known ?? guid}${rest.length > 0 ? `,${toHex(rest.subarray(0, 64))}` : ''})`;
}

function hardDriveNode(node: Reader): string {
  const number = node.u32('PartitionNumber');
  const start = node.u64('PartitionStart');
  const size = node.u64('PartitionSize');
  const signature = node.bytes(16, 'Signature');
  node.skip(1, 'PartitionFormat');
  const isGuid = node.u8('SignatureType') === 2;
  const id = isGuid ? `GPT,${formatGuid(signature)}` : `MBR,${toHex(signature.subarray(0, 4))}`;
  return `HD(${number},${id},${hexNumber(start)},${hexNumber(size)})`;
}

import { hexNumber } from '../../bytes/hex.ts';
import { Reader } from '../../bytes/reader.ts';
import { showAscii } from '../../bytes/text.ts';
import { type DecodedData, decoded } from './decoded.ts';
import { devicePathText } from './device-path-text.ts';

/** Kinds of devices (PC Client Platform Firmware Profile 1.06, 10.2.7, `DEVICE_SECURITY_EVENT_DATA_HEADER`). */
const deviceTypes: readonly string[] = ['device', 'PCI device', 'USB device'];

/** EV_EFI_SPDM_FIRMWARE_BLOB and EV_EFI_SPDM_FIRMWARE_CONFIG: what a device says of its own firmware. */
export function decodeSpdm(what: string): (data: Uint8Array) => DecodedData {
  return (data) => {
    const reader = new Reader(data, 'DEVICE_SECURITY_EVENT_DATA');
    const signature = showAscii(reader.bytes(16, 'Signature'));
    if (!signature.startsWith('SPDM Device Sec'))
      throw reader.error('malformed', 'Signature', `"${signature}"`, 0);
    const isFirst = signature === 'SPDM Device Sec';
    reader.skip(2, 'Version');
    if (!isFirst) return decoded(`${what} of an SPDM device`, what, [`${data.length} bytes`]);
    const length = reader.u16('Length');
    const hashAlgorithm = reader.u32('SpdmHashAlgo');
    const type = reader.u32('DeviceType');
    const block = reader.bytes(Math.max(0, length - 28), 'SpdmMeasurementBlock');
    const path = devicePathText(reader.bytes(reader.length64('DevicePathLength'), 'DevicePath'));
    return decoded(`${what} of ${deviceTypes[type] ?? 'device'} ${path}`, `${what} ${path}`, [
      `measurement block of ${block.length} bytes, SPDM hash ${hexNumber(hashAlgorithm)}`,
    ]);
  };
}

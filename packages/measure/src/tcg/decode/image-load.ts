import { hexNumber } from '../../bytes/hex.ts';
import { Reader } from '../../bytes/reader.ts';
import type { ImageLoad } from '../event-data.ts';
import { type DecodedData, decoded } from './decoded.ts';
import { devicePathText } from './device-path-text.ts';

/** UEFI_IMAGE_LOAD_EVENT (PC Client Platform Firmware Profile 1.06, 10.2.3). Throws `truncated` or `malformed`. */
export function parseImageLoadEvent(data: Uint8Array): ImageLoad {
  const reader = new Reader(data, 'UEFI_IMAGE_LOAD_EVENT');
  const location = reader.u64('ImageLocationInMemory');
  const length = reader.length64('ImageLengthInMemory');
  const linkTimeAddress = reader.u64('ImageLinkTimeAddress');
  return {
    location,
    length,
    linkTimeAddress,
    devicePath: reader.bytes(reader.length64('LengthOfDevicePath'), 'DevicePath'),
  };
}

/** Which program firmware loaded, and from where. The digest is of the image itself and cannot be checked here. */
export function decodeImageLoad(what: string): (data: Uint8Array) => DecodedData {
  return (data) => {
    const { location, length, devicePath } = parseImageLoadEvent(data);
    const path = devicePath.length === 0 ? '(no device path)' : devicePathText(devicePath);
    return decoded(`${what} ${path}`, `image ${path}`, [
      `${length} bytes at ${hexNumber(location)} in memory`,
    ]);
  };
}

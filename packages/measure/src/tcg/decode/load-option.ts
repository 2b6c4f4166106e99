import { Reader } from '../../bytes/reader.ts';
import { fromUtf16 } from '../../bytes/text.ts';
import { devicePathText } from './device-path-text.ts';

/** EFI_LOAD_OPTION: what a Boot#### variable holds. */
export interface LoadOption {
  readonly attributes: number;
  readonly description: string;
  /** As text. */
  readonly path: string;
  readonly optionalData: Uint8Array;
}

/** EFI_LOAD_OPTION (UEFI 2.11, 3.1.3). Throws `truncated`. */
export function parseLoadOption(bytes: Uint8Array): LoadOption {
  const reader = new Reader(bytes, 'EFI_LOAD_OPTION');
  const attributes = reader.u32('Attributes');
  const pathLength = reader.u16('FilePathListLength');
  const description = fromUtf16(bytes.subarray(6));
  reader.skip(description.length * 2 + 2, 'Description');
  const path = devicePathText(reader.bytes(pathLength, 'FilePathList'));
  return { attributes, description, path, optionalData: reader.rest() };
}

/** The numbers in BootOrder: `0001`. */
export function parseBootOrder(bytes: Uint8Array): string[] {
  const reader = new Reader(bytes, 'BootOrder');
  const order: string[] = [];
  while (reader.remaining > 0) order.push(reader.u16('entry').toString(16).toUpperCase().padStart(4, '0'));
  return order;
}

import { Reader } from '../bytes/reader.ts';
import { utf16z } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';

/** EFI_LOAD_OPTION's attributes (UEFI 2.11, 3.1.3). */
export const loadOptionAttributes = { active: 0x001, hidden: 0x008, categoryApp: 0x100 } as const;

/** A boot option. */
export interface LoadOption {
  readonly attributes: number;
  readonly description: string;
  /** EFI_DEVICE_PATH_PROTOCOL nodes with the end node. */
  readonly path: Uint8Array;
  readonly optionalData: Uint8Array;
}

/** EFI_LOAD_OPTION (UEFI 2.11, 3.1.3). */
export function encodeLoadOption({ attributes, description, path, optionalData }: LoadOption): Uint8Array {
  return new Writer()
    .u32(attributes)
    .u16(path.length)
    .bytes(utf16z(description))
    .bytes(path)
    .bytes(optionalData)
    .finish();
}

/** Reads an EFI_LOAD_OPTION. Throws `truncated`, or `malformed` for a description without end. */
export function parseLoadOption(bytes: Uint8Array): LoadOption {
  const reader = new Reader(bytes, 'EFI_LOAD_OPTION');
  const attributes = reader.u32('Attributes');
  const pathLength = reader.u16('FilePathListLength');
  const description: number[] = [];
  for (let unit = reader.u16('Description'); unit !== 0; unit = reader.u16('Description'))
    description.push(unit);
  const path = reader.bytes(pathLength, 'FilePathList');
  return {
    attributes,
    description: description.map((unit) => String.fromCharCode(unit)).join(''),
    path,
    optionalData: reader.bytes(reader.remaining, 'OptionalData'),
  };
}

/** `Boot0002`. */
export function bootOptionName(number: number): string {
  return `Boot${number.toString(16).toUpperCase().padStart(4, '0')}`;
}

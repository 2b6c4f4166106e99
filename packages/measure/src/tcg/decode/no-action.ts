import { formatGuid } from '../../bytes/guid.ts';
import { Reader } from '../../bytes/reader.ts';
import { showAscii } from '../../bytes/text.ts';
import { type DecodedData, decoded } from './decoded.ts';
import { decodeOpaque } from './text.ts';

/** What stands behind the signature of EV_NO_ACTION events (PC Client Platform Firmware Profile 1.06, 10.4.5). */
const kinds: Readonly<Record<string, (rest: Uint8Array) => string>> = {
  'Spec ID Event00': () => 'header of a log by the specification for BIOS',
  'Spec ID Event02': () => 'header of a log of TPM 1.2',
  'Spec ID Event03': () => 'header of a crypto-agile log',
  StartupLocality: ([locality]) =>
    locality === undefined
      ? 'start-up locality, without its value'
      : `start-up locality ${locality}: PCR 0 started from it`,
  'SP800-155 Event': (rest) => `reference manifest of the platform: ${manifest(rest)}`,
  'SP800-155 Event2': (rest) => `reference manifest of the platform: ${manifest(rest)}`,
  'SP800-155 Event3': (rest) => `reference manifest of the platform: ${manifest(rest)}`,
  NvIndexInstance: () => 'contents of an NV index of the TPM',
  NvIndexDynamic: () => 'contents of an NV index of the TPM that changes',
  'H-CRTM': () => 'hardware CRTM',
};

/** EV_NO_ACTION: tells something, and extends nothing. */
export function decodeNoAction(data: Uint8Array): DecodedData {
  const signature = showAscii(data.subarray(0, 16));
  const kind = Object.hasOwn(kinds, signature) ? kinds[signature] : undefined;
  if (!kind) return decodeOpaque('note')(data);
  return decoded(kind(data.subarray(16)), `note ${signature}`);
}

function manifest(rest: Uint8Array): string {
  const reader = new Reader(rest, 'TCG_Sp800_155_PlatformId_Event');
  const vendor = reader.u32('PlatformManufacturerId');
  return `vendor ${vendor}, ${formatGuid(reader.bytes(16, 'ReferenceManifestGuid'))}`;
}

import { toHex } from '../../bytes/hex.ts';
import { fromUtf16, showAscii } from '../../bytes/text.ts';
import { parseSignatureLists } from '../../uefi/signature-list.ts';
import { bytesText, type DecodedData, decoded } from './decoded.ts';
import { nameGuid } from './guid-names.ts';
import { parseBootOrder, parseLoadOption } from './load-option.ts';
import {
  certificateTitle,
  describeCertificate,
  describeCertificates,
  summarizeSignatures,
} from './signatures.ts';
import { readVariableEvent } from './variable-data.ts';

interface Contents {
  readonly text: string;
  readonly details?: readonly string[];
}

/** What the contents of variables say, by a pattern of their names. */
const readers: readonly { readonly name: RegExp; readonly read: (contents: Uint8Array) => Contents }[] = [
  {
    name: /^(SecureBoot|SetupMode|AuditMode|DeployedMode|MokSBState|MokSBStateRT|MokDBState|MokDBStateRT)$/,
    read: flag,
  },
  {
    name: /^(PK|KEK|db|dbx|dbt|dbr|dbDefault|PKDefault|KEKDefault|dbxDefault|MokList|MokListX|devdb)$/,
    read: signatures,
  },
  {
    name: /^BootOrder$/,
    read: (contents) => ({ text: `order ${parseBootOrder(contents).join(', ') || '(empty)'}` }),
  },
  { name: /^(Boot|Driver|SysPrep|PlatformRecovery)[0-9A-Fa-f]{4}$/, read: loadOption },
  {
    name: /^SbatLevel$/,
    read: (contents) => ({ text: showAscii(contents).replaceAll('\\x0a', ' ').trim() }),
  },
  {
    name: /^(LoaderEntryOneShot|LoaderEntryDefault|LoaderImageIdentifier)$/,
    read: (contents) => ({ text: `"${fromUtf16(contents)}"` }),
  },
];

/** EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_VARIABLE_BOOT and EV_EFI_VARIABLE_BOOT2. */
export function decodeVariable(data: Uint8Array): DecodedData {
  const { guid, name, contents, rest } = readVariableEvent(data);
  const { text, details = [] } = readContents(name, contents);
  return decoded(`variable ${name}: ${text}`, `variable ${name}`, [
    `vendor ${nameGuid(guid)}`,
    ...details,
    ...(rest.length > 0 ? [`${bytesText(rest.length)} behind the structure`] : []),
  ]);
}

/** EV_EFI_VARIABLE_AUTHORITY: which entry of a database vouched for an image (10.2.6; UEFI 2.11, 32.5). */
export function decodeAuthority(data: Uint8Array): DecodedData {
  const { guid, name, contents } = readVariableEvent(data);
  const known = /^(SbatLevel|MokList|MokListX|MokListTrusted)$/.test(name)
    ? readContents(name, contents)
    : undefined;
  const { text, details = [] } = known ?? authority(contents);
  return decoded(`authority from ${name}: ${text}`, `authority ${name}`, [
    `vendor ${nameGuid(guid)}`,
    ...details,
  ]);
}

function readContents(name: string, contents: Uint8Array): Contents {
  const reader = readers.find((each) => each.name.test(name));
  if (contents.length === 0) return { text: 'empty' };
  try {
    if (reader) return reader.read(contents);
  } catch {
    // Not what a variable of this name holds: shown as bytes.
  }
  return { text: raw(contents) };
}

function flag(contents: Uint8Array): Contents {
  const [value] = contents;
  return {
    text:
      contents.length === 1 && (value === 0 || value === 1) ? (value === 1 ? 'on' : 'off') : raw(contents),
  };
}

function signatures(contents: Uint8Array): Contents {
  const lists = parseSignatureLists(contents);
  return { text: summarizeSignatures(lists), details: describeCertificates(lists) };
}

/** EFI_SIGNATURE_DATA of a certificate, as an authority event holds it; some firmware leaves the owner out. */
function authority(contents: Uint8Array): Contents {
  const withOwner = certificateTitle(contents.subarray(16));
  if (withOwner !== undefined) return { text: describeCertificate(contents.subarray(16)) };
  if (certificateTitle(contents) !== undefined)
    return { text: `${describeCertificate(contents)}, without its owner` };
  // An image that is let in by its digest: owner and SHA-256.
  return { text: contents.length === 48 ? `digest ${toHex(contents.subarray(16))}` : raw(contents) };
}

function loadOption(contents: Uint8Array): Contents {
  const { attributes, description, path, optionalData } = parseLoadOption(contents);
  return {
    text: `"${description}" ${path}`,
    details: [
      `attributes 0x${attributes.toString(16)}`,
      ...(optionalData.length > 0 ? [`optional data ${raw(optionalData)}`] : []),
    ],
  };
}

function raw(contents: Uint8Array): string {
  const hex = toHex(contents.subarray(0, 32));
  return contents.length <= 32 ? hex : `${bytesText(contents.length)} ${hex}…`;
}

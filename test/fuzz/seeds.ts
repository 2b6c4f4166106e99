import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  addVariables,
  encodeCertificateLists,
  encodeVariableData,
  parseEventLog,
  predictedEventLog,
  predictTpm,
  variableGuids,
} from '@altee/measure';
import { ascii, utf8 } from '../../packages/measure/src/bytes/text.ts';
import { makeFat } from '../../packages/measure/test/disk/make-fat.ts';
import { makeDisk, makeEntry } from '../../packages/measure/test/make-disk.ts';
import { makeKernel, makeUki } from '../../packages/measure/test/make-pe.ts';
import { makeSevFirmware } from '../../packages/measure/test/snp/make-firmware.ts';
import { makeTdFirmware } from '../../packages/measure/test/tdx/make-firmware.ts';
import { emptyStore } from '../../packages/measure/test/uefi/empty-store.ts';

/** Real data stand beside the repository (packages/measure/test/vectors.ts); without them made-up seeds have to do. */
const folder =
  process.env['ALTEE_VECTORS'] ?? fileURLToPath(new URL('../../../shared/vectors', import.meta.url));
/** Larger seeds make slow runs and find nothing more. */
const maxSeedBytes = 64 << 10;

/** Vectors of a folder, shortened: parsers meet the middle of a structure at the end of the input. */
function vectors(...path: string[]): Uint8Array[] {
  const place = join(folder, ...path);
  if (!existsSync(place)) return [];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(json|ya?ml|md)$/.test(entry.name))
    .map(({ name }) => new Uint8Array(readFileSync(join(place, name))).subarray(0, maxSeedBytes));
}

export function uki(): Uint8Array {
  return makeUki('257.13', {
    '.osrel': ascii('ID=altee\n'),
    '.cmdline': ascii('quiet console=ttyS0'),
    '.initrd': ascii('initrd'),
    '.linux': makeKernel(),
  });
}

const madeLog = (): Uint8Array =>
  predictedEventLog(
    predictTpm({ uki: uki(), machine: { secureBoot: 'off', disk: makeDisk({ 0: makeEntry() }) } }),
  );

export function eventLogs(): Uint8Array[] {
  const real = ['go-eventlog/tpm', 'go-eventlog/legacydata', 'go-eventlog/ccel', 'tpm2-tools', 'keylime'];
  const boots = join(folder, 'ovmf-boots');
  const names = existsSync(boots) ? readdirSync(boots) : [];
  return [
    madeLog(),
    ...real.flatMap((path) => vectors('event-logs', path)),
    ...names.flatMap((name) => vectors('ovmf-boots', name)),
  ].filter(({ length }) => length > 0);
}

/** The made-up log's events in the canonical encodings. */
export function canonicalLogs(): Uint8Array[] {
  const { events } = parseEventLog(madeLog());
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const json = events.map(({ registerIndex, untrustedEventType, digests, untrustedData }, recnum) => ({
    recnum,
    pcr: registerIndex,
    digests: [...digests].map(([hashAlg, digest]) => ({ hashAlg, digest: hex(digest) })),
    content_type: 'pcclient_std',
    content: { event_type: untrustedEventType, event_data: hex(untrustedData) },
  }));
  const tlv = (type: number, ...parts: Uint8Array[]): Buffer => {
    const value = Buffer.concat(parts);
    const head = Buffer.alloc(5);
    head.writeUInt8(type);
    head.writeUInt32BE(value.length, 1);
    return Buffer.concat([head, value]);
  };
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const records = events.map(({ registerIndex, untrustedEventType, digests, untrustedData }, recnum) =>
    Buffer.concat([
      tlv(0, Buffer.alloc(4), number(recnum)),
      tlv(1, number(registerIndex)),
      tlv(3, tlv(0x0b, digests.get('sha256') ?? Buffer.alloc(32))),
      tlv(5, tlv(0, number(untrustedEventType)), tlv(1, untrustedData)),
    ]),
  );
  const systemd = {
    pcr: 11,
    digests: [{ hashAlg: 'sha256', digest: '00'.repeat(32) }],
    content_type: 'systemd',
    content: { string: 'ready' },
  };
  const dstack = [
    { imr: 3, event_type: 0x0800_0001, digest: '00'.repeat(48), event: 'app-id', event_payload: '00' },
  ];
  // A map of one record: {0: 0, 1: 4, 3: [[11, 32 bytes]], 5: {0: 4, 1: 4 bytes}}.
  const cbor = Buffer.from(
    `a40000010403818 20b5820${'07'.repeat(32)}05a200040144000000 00`.replaceAll(' ', ''),
    'hex',
  );
  return [
    utf8(JSON.stringify(json)),
    new Uint8Array(Buffer.concat(records)),
    utf8(`\x1e${JSON.stringify(systemd)}\n`),
    utf8(JSON.stringify(dstack)),
    new Uint8Array(cbor),
    ...vectors('tdx/near-mpc'),
  ];
}

export function ccelTables(): Uint8Array[] {
  const made = new Uint8Array(56);
  made.set(ascii('CCEL'));
  made[4] = 56;
  return [made, ...vectors('tdx/go-tdx-guest').filter(({ length }) => length === 56)];
}

export function pcrValues(): Uint8Array[] {
  const lines = Array.from({ length: 24 }, (_, index) => `    ${index} : 0x${'0a'.repeat(32)}`);
  const json = {
    sha256: Object.fromEntries(Array.from({ length: 24 }, (_, index) => [index, '0b'.repeat(32)])),
  };
  return [
    utf8(`  sha256:\n${lines.join('\n')}\n`),
    utf8(JSON.stringify(json)),
    utf8(`PCR4: ${'ab'.repeat(20)}\n`),
  ];
}

export function measurements(): Uint8Array[] {
  const example = fileURLToPath(new URL('../../examples/hello/reference-values.json', import.meta.url));
  return existsSync(example)
    ? [new Uint8Array(readFileSync(example)).subarray(0, maxSeedBytes * 4)]
    : [utf8('{}')];
}

export const images = (): Uint8Array[] => [
  uki(),
  makeUki('252.1', { '.linux': makeKernel() }),
  ...vectors('authenticode/go-uefi'),
];
export const kernels = (): Uint8Array[] => [makeKernel()];
export const disks = (): Uint8Array[] => [makeDisk({ 0: makeEntry(), 3: makeEntry() })];

/** A file system with an image; `fileSystemHead` is what the fuzzer changes of it: its tables, folders and first files. */
export const fileSystem = makeFat(uki());
export const FILE_SYSTEM_HEAD_BYTES = 32 << 10;
export const fileSystemHead = (): Uint8Array[] => [fileSystem.slice(0, FILE_SYSTEM_HEAD_BYTES)];

export function variables(): Uint8Array[] {
  return [
    encodeVariableData(variableGuids.global, 'SecureBoot', Uint8Array.of(1)),
    encodeVariableData(variableGuids.imageSecurity, 'db', signatureLists()[0] ?? new Uint8Array(0)),
  ];
}

export function signatureLists(): Uint8Array[] {
  return [
    encodeCertificateLists(variableGuids.global, [ascii('one'), ascii('another')]),
    ...vectors('secure-boot/go-uefi').filter(({ length }) => length < 8192),
  ];
}

/** Certificates out of the real lists: behind a list's header of 28 bytes and the owner. */
export function certificates(): Uint8Array[] {
  return signatureLists().map((list) => list.subarray(44));
}

export const variableStores = (): Uint8Array[] => [
  addVariables(emptyStore(), [
    { guid: variableGuids.global, name: 'SecureBoot', attributes: 7, data: Uint8Array.of(1) },
    { guid: variableGuids.global, name: 'BootOrder', attributes: 7, data: Uint8Array.of(0, 0, 1, 0) },
    {
      guid: variableGuids.imageSecurity,
      name: 'db',
      attributes: 7,
      data: signatureLists()[0] ?? new Uint8Array(0),
    },
  ]),
  emptyStore(),
  ...vectors('secure-boot/go-uefi').filter(({ length }) => length >= 8192),
];
export const quotes = (): Uint8Array[] => [
  new Uint8Array(1024),
  ...vectors('tdx/go-tdx-guest').filter(({ length }) => length > 1000 && length < 9000),
];
export const tdFirmware = (): Uint8Array[] => [makeTdFirmware(), ...vectors('snp/sev-snp-measure')];
export const sevFirmware = (): Uint8Array[] => [
  makeSevFirmware(),
  makeSevFirmware({ withHashes: false }),
  ...vectors('snp/sev-snp-measure'),
];
export const acpiTables = (): Uint8Array[] => [
  new Uint8Array(1024),
  ...vectors('tdx/oasis').map((bytes) => bytes.subarray(0, 16_384)),
];

export function smbiosTables(): Uint8Array[] {
  return [
    Uint8Array.from([...[1, 27, 0, 1], ...Array(23).fill(1), ...ascii('a\0b\0\0'), 127, 4, 1, 127, 0, 0]),
  ];
}

export const lzmaStreams = (): Uint8Array[] => [
  // "LZMA alone" of 16 zeros: properties, dictionary, size, code.
  Uint8Array.from([0x5d, 0, 0, 0x10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0xe4, 0x7e, 0, 0]),
  new Uint8Array(64).fill(0x5d),
];

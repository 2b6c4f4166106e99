import { createHash } from 'node:crypto';
import {
  checkUki,
  explainLog,
  findBootImage,
  findQuirks,
  type Hasher,
  type MeasureError,
  observeEvents,
  parseCcelTable,
  parseCertificate,
  parseEventLog,
  parseGpt,
  parseMeasurements,
  parsePcrValues,
  parseSignatureLists,
  parseTdxQuote,
  parseVariableData,
  parseVariableStore,
  predictionToJson,
  predictTpm,
  readEventLog,
  readKernelVersion,
  readPe,
  readSnpFirmware,
  replayEventLog,
} from '@altee/measure';
import { readAcpiTables } from '../../packages/measure/src/acpi/tables.ts';
import { decodeLzma } from '../../packages/measure/src/lzma/decode.ts';
import { readCertificateTable } from '../../packages/measure/src/pe/certificate-table.ts';
import { parseAuthenticodeSignature } from '../../packages/measure/src/pe/signature.ts';
import { parsePredictionJson } from '../../packages/measure/src/predict/parse-json.ts';
import { parseSmbios } from '../../packages/measure/src/smbios/table.ts';
import { parseTdvf } from '../../packages/measure/src/tdx/tdvf.ts';
import { readFirmwareVolumes } from '../../packages/measure/src/uefi/firmware-volume.ts';
import * as seeds from './seeds.ts';

/** A parser, what it is fed with, and what a caller would do with the result. */
export interface FuzzedParser {
  readonly name: string;
  /** Throws nothing but a {@link MeasureError}. */
  readonly run: (bytes: Uint8Array) => unknown;
  readonly seeds: () => readonly Uint8Array[];
}

const native: Hasher = (algorithm) => createHash(algorithm);
/** The file system with another beginning. It is one array, as copying it takes longer than reading it. */
const scratch = seeds.fileSystem.slice();
const withHead = (head: Uint8Array): Uint8Array => {
  scratch.set(seeds.fileSystem.subarray(0, seeds.FILE_SYSTEM_HEAD_BYTES));
  scratch.set(head.subarray(0, seeds.FILE_SYSTEM_HEAD_BYTES));
  return scratch;
};
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
/** What the explanation of mutated logs is compared with. */
const prediction = parsePredictionJson(
  JSON.parse(
    JSON.stringify(predictionToJson(predictTpm({ uki: seeds.uki(), machine: { secureBoot: 'off' } }))),
  ),
);

/** Every parser of `@altee/measure`; a new one adds a row. */
export const parsers: readonly FuzzedParser[] = [
  { name: 'event-log', run: (bytes) => replayEventLog(parseEventLog(bytes), native), seeds: seeds.eventLogs },
  {
    name: 'event-log-file',
    run: (bytes) => {
      const file = readEventLog(bytes);
      return [findQuirks(file), observeEvents(file, native)];
    },
    seeds: () => [...seeds.eventLogs(), ...seeds.canonicalLogs()],
  },
  {
    name: 'explain',
    run: (bytes) => explainLog(prediction, readEventLog(bytes), { hasher: native }),
    seeds: seeds.eventLogs,
  },
  { name: 'ccel-table', run: parseCcelTable, seeds: seeds.ccelTables },
  { name: 'pcr-values', run: (bytes) => parsePcrValues(text(bytes)), seeds: seeds.pcrValues },
  { name: 'measurements', run: (bytes) => parseMeasurements(text(bytes)), seeds: seeds.measurements },
  { name: 'uki', run: checkUki, seeds: seeds.images },
  {
    name: 'predict',
    run: (bytes) => predictTpm({ uki: bytes, machine: { secureBoot: 'off' }, banks: ['sha256'] }, native),
    seeds: seeds.images,
  },
  {
    name: 'signature',
    run: (bytes) =>
      readCertificateTable(bytes, readPe(bytes))?.entries.map(({ pkcs7 }) =>
        parseAuthenticodeSignature(pkcs7),
      ),
    seeds: seeds.images,
  },
  { name: 'kernel', run: readKernelVersion, seeds: seeds.kernels },
  { name: 'gpt', run: (bytes) => parseGpt(bytes), seeds: seeds.disks },
  {
    name: 'boot-image',
    run: (bytes) => findBootImage(withHead(bytes)),
    seeds: seeds.fileSystemHead,
  },
  { name: 'variable-data', run: parseVariableData, seeds: seeds.variables },
  { name: 'variable-store', run: parseVariableStore, seeds: seeds.variableStores },
  { name: 'signature-lists', run: parseSignatureLists, seeds: seeds.signatureLists },
  { name: 'certificate', run: parseCertificate, seeds: seeds.certificates },
  { name: 'tdx-quote', run: parseTdxQuote, seeds: seeds.quotes },
  { name: 'tdvf', run: parseTdvf, seeds: seeds.tdFirmware },
  { name: 'snp-firmware', run: (bytes) => readSnpFirmware(bytes), seeds: seeds.sevFirmware },
  { name: 'firmware-volumes', run: readFirmwareVolumes, seeds: seeds.variableStores },
  { name: 'acpi-tables', run: readAcpiTables, seeds: seeds.acpiTables },
  { name: 'smbios', run: parseSmbios, seeds: seeds.smbiosTables },
  { name: 'lzma', run: (bytes) => decodeLzma(bytes, { maxOutputBytes: 1 << 16 }), seeds: seeds.lzmaStreams },
];

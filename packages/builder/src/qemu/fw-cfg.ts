import { BuilderError } from '../error.ts';
import type { Qtest } from './qtest.ts';

/** A file of QEMU's firmware configuration device. */
export interface FwCfgFile {
  readonly name: string;
  /** The item's selector. */
  readonly key: number;
  readonly size: number;
}

/** docs/specs/fw_cfg.rst: the DMA address register on x86, and the directory's selector. */
const DMA_PORT = 0x514;
const DIRECTORY_KEY = 0x19;
const control = { error: 1, read: 2, select: 8, write: 16 } as const;

/** Where control structure and data lie: low memory that nothing uses before firmware runs. */
const CONTROL_GPA = 0x10000;
const DATA_GPA = 0x20000;
/** Longer than any file of the device that is read here; below the hole at 640 KiB. */
const CHUNK = 0x60000;
const MAX_FILES = 4096;
const MAX_FILE = 64 * 2 ** 20;

/** All files, in the directory's order. */
export async function readDirectory(qtest: Qtest): Promise<FwCfgFile[]> {
  const head = await transfer(qtest, DIRECTORY_KEY, 4, control.read);
  const count = view(head).getUint32(0);
  if (count > MAX_FILES) throw new BuilderError('machine-failed', `QEMU lists ${count} files`);
  const entries = await transfer(qtest, DIRECTORY_KEY, 4 + 64 * count, control.read);
  return Array.from({ length: count }, (_, index) => {
    const at = 4 + 64 * index;
    const name = Buffer.from(entries.subarray(at + 8, at + 64)).toString('latin1');
    return {
      name: name.slice(0, name.indexOf('\0')),
      key: view(entries).getUint16(at + 4),
      size: view(entries).getUint32(at),
    };
  });
}

/** The whole file. Selecting one of the ACPI files makes QEMU build all of them, once. */
export async function readFile(qtest: Qtest, { key, size }: FwCfgFile): Promise<Uint8Array> {
  return transfer(qtest, key, size, control.read);
}

/** Selects the file without reading. */
export async function selectFile(qtest: Qtest, { key }: FwCfgFile): Promise<Uint8Array> {
  return transfer(qtest, key, 1, control.read);
}

/** Writes the file's beginning. */
export async function writeFile(qtest: Qtest, { key }: FwCfgFile, bytes: Uint8Array): Promise<void> {
  await qtest.writeMemory(DATA_GPA, bytes);
  await start(qtest, ((key << 16) | control.select | control.write) >>> 0, bytes.length);
}

async function transfer(qtest: Qtest, key: number, size: number, action: number): Promise<Uint8Array> {
  if (size > MAX_FILE) throw new BuilderError('machine-failed', `QEMU offers a file of ${size} bytes`);
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size || done === 0; done += CHUNK) {
    const length = Math.min(CHUNK, size - done);
    const select = done === 0 ? ((key << 16) | control.select) >>> 0 : 0;
    await start(qtest, (select | action) >>> 0, length);
    if (length > 0) bytes.set(await qtest.readMemory(DATA_GPA, length), done);
  }
  return bytes;
}

/** FWCfgDmaAccess: control, length and address, all big-endian. */
async function start(qtest: Qtest, command: number, length: number): Promise<void> {
  const access = new Uint8Array(16);
  view(access).setUint32(0, command);
  view(access).setUint32(4, length);
  view(access).setBigUint64(8, BigInt(DATA_GPA));
  await qtest.writeMemory(CONTROL_GPA, access);
  // The register is big-endian as well: high half first, the low half starts the transfer.
  await qtest.outl(DMA_PORT, 0);
  await qtest.outl(DMA_PORT + 4, swap32(CONTROL_GPA));
  const answer = view(await qtest.readMemory(CONTROL_GPA, 4)).getUint32(0);
  if ((answer & control.error) !== 0 || answer !== 0) {
    throw new BuilderError('machine-failed', 'QEMU refuses to give a file of its firmware configuration');
  }
}

function swap32(value: number): number {
  return (
    (((value & 0xff) << 24) |
      ((value & 0xff00) << 8) |
      ((value >>> 8) & 0xff00) |
      ((value >>> 24) & 0xff)) >>>
    0
  );
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

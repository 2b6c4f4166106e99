import { createHash } from 'node:crypto';
import { parseGuid } from '@altee/measure';
import type { Configuration, Store } from './configurations.ts';
import { ownKey } from './images.ts';
import type { Ingredients } from './ingredients.ts';
import { bootVariable, certificateList, digestList, keyVariables, withVariables } from './variables.ts';

const FOLDER = 'usr/share/OVMF';

/** The firmware's code file, by build. */
const CODE: Readonly<Record<Configuration['build'], string>> = {
  plain: 'OVMF_CODE_4M.fd',
  secboot: 'OVMF_CODE_4M.secboot.fd',
  strictnx: 'OVMF_CODE_4M.secboot.strictnx.fd',
};

export function codePath(build: Configuration['build']): string {
  return `${FOLDER}/${CODE[build]}`;
}

/** The store that the machine is first started with. */
export async function variableStore(
  ingredients: Ingredients,
  { firmware, store }: Pick<Configuration, 'firmware' | 'store'>,
): Promise<Uint8Array> {
  const file = (name: string) => ingredients.bytes(`ovmf-${firmware}`, `${FOLDER}/${name}`);
  const make: Record<Store, () => Promise<Uint8Array>> = {
    empty: () => file('OVMF_VARS_4M.fd'),
    snakeoil: () => file('OVMF_VARS_4M.snakeoil.fd'),
    microsoft: () => file('OVMF_VARS_4M.ms.fd'),
    own: async () => withVariables(await file('OVMF_VARS_4M.fd'), await ownKeys(['db'])),
    'own-two-dbx': async () =>
      withVariables(await file('OVMF_VARS_4M.fd'), [
        ...(await ownKeys(['db', 'db2'])),
        ...keyVariables({ dbx: digestList(sha256('revoked 1'), sha256('revoked 2')) }),
      ]),
    'microsoft-own': async () => addToDb(await file('OVMF_VARS_4M.ms.fd'), await ownKey('db.pem')),
    'boot-entry': async () => withVariables(await file('OVMF_VARS_4M.fd'), bootEntry()),
    'boot-entries': async () => withVariables(await file('OVMF_VARS_4M.fd'), bootEntries()),
  };
  return make[store]();
}

async function ownKeys(db: readonly string[]) {
  const lists = await Promise.all(db.map(async (name) => certificateList(await ownKey(`${name}.pem`))));
  return keyVariables({
    PK: certificateList(await ownKey('PK.pem')),
    KEK: certificateList(await ownKey('KEK.pem')),
    db: Buffer.concat(lists),
  });
}

/** Replaces db by itself with one more list. */
function addToDb(store: Uint8Array, pem: string): Uint8Array {
  const bytes = Buffer.from(store);
  const name = Buffer.from('db\0', 'utf16le');
  for (let at = 0x48 + 28; bytes.readUInt16LE(at) === 0x55aa; ) {
    const [nameSize, dataSize] = [bytes.readUInt32LE(at + 36), bytes.readUInt32LE(at + 40)];
    const data = bytes.subarray(at + 60 + nameSize, at + 60 + nameSize + dataSize);
    if (bytes.readUInt8(at + 2) === 0x3f && bytes.subarray(at + 60, at + 60 + nameSize).equals(name)) {
      bytes.writeUInt8(0x3c, at + 2); // VAR_ADDED, then deleted
      return withVariables(bytes, keyVariables({ db: Buffer.concat([data, certificateList(pem)]) }));
    }
    at = (at + 60 + nameSize + dataSize + 3) & ~3;
  }
  throw new Error('The store has no db');
}

/** An entry for a file that is not there, as an operating system's installer would leave it behind. */
function bootEntry() {
  return [bootVariable('Boot0007', leftBehind()), bootVariable('BootOrder', Buffer.from([7, 0]))];
}

/** Entries that firmware made itself: one for the first virtio disk, one for a disk that is gone; and the other one. */
function bootEntries() {
  const virtio = '02010c00d041030a0000000001010600000';
  return [
    bootVariable(
      'Boot0000',
      automaticOption('UEFI QEMU HARDDISK QM00001 ', `${virtio}21f03120a000000ffff0000`),
    ),
    bootVariable('Boot0003', automaticOption('UEFI Misc Device', `${virtio}1`)),
    bootVariable('Boot0007', leftBehind()),
    bootVariable('BootOrder', Buffer.from([0, 0, 7, 0, 3, 0])),
  ];
}

function leftBehind(): Buffer {
  const file = Buffer.from('\\EFI\\gone\\gone.efi\0', 'utf16le');
  const node = Buffer.alloc(4);
  node.set([4, 4]); // media device path, file path
  node.writeUInt16LE(4 + file.length, 2);
  return loadOption('Left behind', Buffer.concat([node, file]), Buffer.alloc(0));
}

/** Marked as edk2 marks what it makes itself (UefiBootManagerLib, `mBmAutoCreateBootOptionGuid`). */
function automaticOption(description: string, path: string): Buffer {
  return loadOption(description, Buffer.from(path, 'hex'), parseGuid('8108ac4e-9f11-4d59-850e-e21a522c59b2'));
}

/** EFI_LOAD_OPTION (UEFI 2.11 §3.1.3), active. */
function loadOption(description: string, nodes: Uint8Array, optionalData: Uint8Array): Buffer {
  const path = Buffer.concat([nodes, Buffer.from([0x7f, 0xff, 4, 0])]);
  const header = Buffer.alloc(6);
  header.writeUInt32LE(1, 0);
  header.writeUInt16LE(path.length, 4);
  return Buffer.concat([header, Buffer.from(`${description}\0`, 'utf16le'), path, optionalData]);
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

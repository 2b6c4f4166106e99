import { createHash } from 'node:crypto';
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
  const description = Buffer.from('Left behind\0', 'utf16le');
  const file = Buffer.from('\\EFI\\gone\\gone.efi\0', 'utf16le');
  const path = Buffer.alloc(4 + file.length + 4);
  path.set([4, 4]); // media device path, file path
  path.writeUInt16LE(4 + file.length, 2);
  path.set(file, 4);
  path.set([0x7f, 0xff, 4, 0], 4 + file.length);
  const header = Buffer.alloc(6);
  header.writeUInt32LE(1, 0); // LOAD_OPTION_ACTIVE
  header.writeUInt16LE(path.length, 4);
  return [
    bootVariable('Boot0007', Buffer.concat([header, description, path])),
    bootVariable('BootOrder', Buffer.from([7, 0])),
  ];
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

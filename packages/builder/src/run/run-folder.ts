import { tmpdir } from 'node:os';
import { removeTree } from '../store/remove-tree.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** sockaddr_un.sun_path (unix(7)) holds 108 bytes with the final NUL; the sockets' names need a dozen of them. */
const MAX_FOLDER_LENGTH = 90;

/** Gives `use` a folder of its own for a virtual machine's state and sockets, gone afterwards in any case. */
export async function withRunFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const base = tmpdir();
  const short = Buffer.byteLength(base) + 20 > MAX_FOLDER_LENGTH ? '/tmp' : base;
  const folder = await temporaryFolder('altee-run-', short);
  try {
    return await use(folder);
  } finally {
    await removeTree(folder);
  }
}

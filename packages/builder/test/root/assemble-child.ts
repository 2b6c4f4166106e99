/**
 * Assembles a root in a process of its own, for tests of users, umasks and kills:
 * `node --import tsx assemble-child.ts <store> <umask, octal> <folder of packages>`, prints the digest.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentReporter } from '../../src/report.ts';
import { assembleRoot } from '../../src/root/assemble-root.ts';
import { Store } from '../../src/store/store.ts';

const [storeDir = '', umask = '022', packagesDir = ''] = process.argv.slice(2);
process.umask(Number.parseInt(umask, 8));
const packages = await Promise.all(
  (await readdir(packagesDir)).map(async (name) => {
    const path = join(packagesDir, name);
    const hex = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    return { name: name.replace('.deb', ''), path, sha256: `sha256:${hex}` };
  }),
);
const root = await assembleRoot(await Store.open(storeDir), packages, { reporter: silentReporter });
console.log(root.digest);

/**
 * A process of its own that uses a store: `node --import tsx store-child.ts <store> <what>`. It prints a line when
 * it has done `what`:
 *  - `make`: makes the tree "output/key" with 300 files, printing "making" when it begins, "made <path>" at the end;
 *  - `hold`: begins to make it and never ends;
 *  - `use`: takes the tree as its user, and lives on.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Store } from '../../src/store/store.ts';

const [dir = '', what] = process.argv.slice(2);
const store = await Store.open(dir);
if (what === 'use') {
  console.log(await store.tree('output', 'key'));
  await sleep(600_000);
}
const path = await store.addTree('output', 'key', async (tmpDir) => {
  console.log('making');
  if (what === 'hold') await sleep(600_000);
  for (let index = 0; index < 300; index++) await writeFile(join(tmpDir, `f${index}`), 'x'.repeat(100));
});
console.log(`made ${path}`);

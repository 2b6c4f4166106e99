/** Writes `altee.schema.json`; with `--check`, says whether it is current (exit code 1 where it is not). */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { jsonSchemaText } from '../src/json-schema.ts';

const file = fileURLToPath(new URL('../altee.schema.json', import.meta.url));
const wanted = jsonSchemaText();

if (!process.argv.includes('--check')) {
  await writeFile(file, wanted);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== wanted) {
  console.error('altee.schema.json is not what the schema gives: run "npm run schema"');
  process.exitCode = 1;
}

import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { html, pageHtml } from '../src/index.ts';

const entry = fileURLToPath(new URL('../demo/page.ts', import.meta.url));
const target = process.argv[2] ?? fileURLToPath(new URL('../dist/demo.html', import.meta.url));

/** What the page shows before a file is dropped. */
const body = html`<h1>altee measure</h1>
<p>What a TPM will measure for an image, and what an event log says. Everything happens in this page: it has no server, and sends nothing anywhere.</p>
<div id="drop" class="drop"><p>Drop an EFI image, a raw disk or an event log here, or <label for="files">choose files</label>: <input id="files" type="file" multiple></p><p><button id="clear" type="button">Start again</button></p></div>
<main id="output" aria-live="polite"></main>`;

const { outputFiles } = await build({
  entryPoints: [entry],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  conditions: ['altee:source'],
  minify: true,
  legalComments: 'none',
});
// A script must not hold what ends it in a page.
const code = (outputFiles[0]?.text ?? '').replaceAll('</script', '<\\/script');
const sha256 = createHash('sha256').update(code).digest('base64');
await mkdir(dirname(target), { recursive: true });
await writeFile(target, pageHtml('altee measure', body, { code, sha256 }));
process.stdout.write(`${target}\n`);

import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

/**
 * Puts the command and what it is made of into one file, and the thread that predicts into another: Node takes half as
 * long to find and read them as it takes for the 700 modules that they are made of. OpenPGP.js stays outside; only the
 * resolving of a lock loads it.
 */
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const workspace = path('../../../');
const { outputFiles, metafile } = await build({
  entryPoints: {
    altee: path('../src/main.ts'),
    'predict-worker': path('../../builder/src/platform/predict-worker.ts'),
  },
  absWorkingDir: workspace,
  outdir: path('../dist'),
  write: false,
  metafile: true,
  bundle: true,
  conditions: ['altee:source'],
  external: ['openpgp'],
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  minifySyntax: true,
  // Some libraries are CommonJS, and ask for Node's modules as such.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
  },
  logLevel: 'warning',
});
// By a rename, as "altee" may be running.
for (const { path: target, contents } of outputFiles) {
  await writeFile(`${target}.new`, contents);
  await rename(`${target}.new`, target);
}
await writeFile(path('../dist/LICENSES.txt'), await licences(metafile));

/** The licence texts of the libraries that went into the bundle, as they ask for. */
async function licences({ inputs }: Metafile): Promise<string> {
  const folders = Object.keys(inputs).flatMap(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(file)?.[0] ?? [],
  );
  const texts = [...new Set(folders)].toSorted().map(async (folder) => {
    const { name, version, license } = JSON.parse(
      await readFile(`${workspace}${folder}package.json`, 'utf8'),
    );
    const file = (await readdir(`${workspace}${folder}`)).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? '' : await readFile(`${workspace}${folder}${file}`, 'utf8');
    return `== ${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join('\n');
}

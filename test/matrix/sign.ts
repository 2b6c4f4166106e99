import { createHash, createPrivateKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runStep } from '../../packages/builder/src/executor/run-step.ts';
import { sandboxExecutor } from '../../packages/builder/src/executor/sandbox.ts';
import type { Ingredients } from './ingredients.ts';

/** A private key and its certificate, in PEM. */
export interface Signer {
  readonly key: string;
  readonly certificate: string;
  /** Where the key is encrypted. */
  readonly passphrase?: string;
}

/** The image with an Authenticode signature, by sbsign; the same input is signed once and kept in the store. */
export async function sign(ingredients: Ingredients, image: Uint8Array, signer: Signer): Promise<Uint8Array> {
  const { store, reporter } = ingredients.workshop;
  const temporary = await store.tempDir();
  try {
    const input = async (name: string, bytes: Uint8Array | string) => {
      const path = join(temporary.path, name);
      await writeFile(path, bytes);
      return { path, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
    };
    const step = {
      name: 'Sign an image of the boot matrix',
      root: await ingredients.root('tools'),
      script: 'sbsign --key /src/key --cert /src/certificate --output "$OUT/signed.efi" /src/image',
      env: {},
      inputs: {
        image: await input('image', image),
        key: await input('key', plainKey(signer)),
        certificate: await input('certificate', signer.certificate),
      },
      limits: { seconds: 120, outputBytes: 2 ** 28, processes: 16 },
    };
    const out = await runStep(sandboxExecutor(), store, step, { reporter });
    return new Uint8Array(await readFile(join(out, 'signed.efi')));
  } finally {
    await temporary.dispose();
  }
}

function plainKey({ key, passphrase }: Signer): string {
  if (passphrase === undefined) return key;
  return createPrivateKey({ key, passphrase }).export({ type: 'pkcs8', format: 'pem' }).toString();
}

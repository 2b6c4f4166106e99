import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadedBytes, loadSection, readPe } from '@altee/measure';
import { buildImage } from '../../packages/builder/src/image-parts.ts';
import { exampleContext } from '../support/context.ts';
import type { Ingredients } from './ingredients.ts';
import { type Signer, sign } from './sign.ts';
import { makeUki, type Section } from './uki.ts';

export type Stub = '252' | '254' | '257' | '262';
/** `altee` is the small kernel of the example `hello`; the others are Debian's. */
export type Kernel = 'altee' | '6.1' | '6.12' | '7.2';

/** Contents of a section: text, or so many bytes that look like nothing. */
export type Contents = string | number | Uint8Array;

export interface ImageSpec {
  readonly stub: Stub;
  readonly kernel: Kernel;
  /** Sections in order; `.linux` comes last unless it stands among them. */
  readonly sections: readonly (readonly [name: string, contents: Contents | 'kernel'])[];
  readonly signedBy?: SignerName;
}

/** Who signs: keys of ours, or the pair that Debian's firmware package publishes. */
export type SignerName = 'db' | 'db2' | 'snakeoil';

const STUB = 'usr/lib/systemd/boot/efi/linuxx64.efi.stub';
const ADDON_STUB = 'usr/lib/systemd/boot/efi/addonx64.efi.stub';

/** Makes the images of configurations; kernels are read once. */
export class ImageFactory {
  readonly #ingredients: Ingredients;
  readonly #kernels = new Map<Kernel, Promise<Uint8Array>>();

  constructor(ingredients: Ingredients) {
    this.#ingredients = ingredients;
  }

  async image({ stub, kernel, sections, signedBy }: ImageSpec): Promise<Uint8Array> {
    const linux: Section = ['.linux', await this.kernel(kernel)];
    const added = sections.map(
      ([name, contents]): Section =>
        contents === 'kernel' ? [name, linux[1]] : [name, contentsOf(contents)],
    );
    const all = added.some(([name]) => name === '.linux') ? added : [...added, linux];
    const image = makeUki(await this.#ingredients.bytes(`stub-${stub}`, STUB), all);
    return signedBy === undefined ? image : sign(this.#ingredients, image, await this.signer(signedBy));
  }

  /** An addon: a PE file without a kernel that the stub loads beside the image. */
  async addon(
    stub: Exclude<Stub, '252'>,
    sections: readonly (readonly [string, Contents])[],
    signedBy?: SignerName,
  ): Promise<Uint8Array> {
    const added = sections.map(([name, contents]): Section => [name, contentsOf(contents)]);
    const addon = makeUki(await this.#ingredients.bytes(`stub-${stub}`, ADDON_STUB), added);
    return signedBy === undefined ? addon : sign(this.#ingredients, addon, await this.signer(signedBy));
  }

  kernel(name: Kernel): Promise<Uint8Array> {
    const known = this.#kernels.get(name) ?? this.#readKernel(name);
    this.#kernels.set(name, known);
    return known;
  }

  async signer(name: SignerName): Promise<Signer> {
    if (name === 'snakeoil') {
      const text = async (file: string) =>
        new TextDecoder().decode(await this.#ingredients.bytes('ovmf-2025.02', `usr/share/ovmf/${file}`));
      // Its pass phrase stands in the package's README.Debian.
      return {
        key: await text('PkKek-1-snakeoil.key'),
        passphrase: 'snakeoil',
        certificate: await text('PkKek-1-snakeoil.pem'),
      };
    }
    return { key: await ownKey(`${name}.key`), certificate: await ownKey(`${name}.pem`) };
  }

  async #readKernel(name: Kernel): Promise<Uint8Array> {
    if (name === 'altee') return alteeKernel();
    const folder = await this.#ingredients.file(`linux-${name}`, name === '7.2' ? 'usr/lib/modules' : 'boot');
    const files = await readdir(folder, { recursive: true });
    const file = files.find((each) => /(^|\/)vmlinuz[^/]*$/.test(each));
    if (file === undefined) throw new Error(`No kernel in ${folder}`);
    return new Uint8Array(await readFile(join(folder, file)));
  }
}

/** The kernel that altee builds for the example `hello`. */
async function alteeKernel(): Promise<Uint8Array> {
  const { uki } = await buildImage(await exampleContext('hello'));
  const image = new Uint8Array(await readFile(uki.path));
  const section = readPe(image).sections.find(({ name }) => name === '.linux');
  if (!section) throw new Error('The image of "hello" has no kernel');
  return loadedBytes(loadSection(image, section));
}

/** A file of `keys/`, in PEM. */
export function ownKey(name: string): Promise<string> {
  return readFile(new URL(`./keys/${name}`, import.meta.url), 'utf8');
}

function contentsOf(contents: Contents): Uint8Array | string {
  if (typeof contents !== 'number') return contents;
  return Uint8Array.from({ length: contents }, (_, index) => (index * 167 + (index >> 8)) & 0xff);
}

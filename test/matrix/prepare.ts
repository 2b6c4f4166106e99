import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineDescription } from '@altee/measure';
import type { Root } from '../../packages/builder/src/executor/executor.ts';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import type { Configuration, SideFile } from './configurations.ts';
import { encodeDisk } from './disk.ts';
import type { ImageFactory } from './images.ts';
import type { Ingredients } from './ingredients.ts';
import { codePath, variableStore } from './stores.ts';

/** Everything that a boot and a prediction of one configuration need. */
export interface Prepared {
  readonly root: Root;
  readonly machine: MachineDescription;
  readonly image: Uint8Array;
  readonly shim: Uint8Array | undefined;
  /** The disk with the image; absent where the image is handed over by `-kernel`. */
  readonly disk: Uint8Array | undefined;
  readonly firmware: { readonly code: Uint8Array; readonly variables: Uint8Array };
  /** The same on this machine. */
  readonly paths: {
    readonly code: string;
    readonly variables: string;
    readonly disks: readonly string[];
    readonly kernel: string | undefined;
  };
}

const SHIM = 'usr/lib/shim/shimx64.efi.signed';
const EMPTY_DISK_BYTES = 8 << 20;

/** Makes the files of a configuration, in a folder that is gone when `use` has ended. */
export async function withPrepared<T>(
  configuration: Configuration,
  ingredients: Ingredients,
  images: ImageFactory,
  use: (prepared: Prepared) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'altee-matrix-'));
  try {
    return await use(await prepare(configuration, ingredients, images, folder));
  } finally {
    await removeTree(folder);
  }
}

async function prepare(
  configuration: Configuration,
  ingredients: Ingredients,
  images: ImageFactory,
  folder: string,
): Promise<Prepared> {
  const { qemu, firmware, build, layout } = configuration;
  const rootName = `qemu-${qemu}` as const;
  const write = async (name: string, bytes: Uint8Array) => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };

  const image = await images.image(configuration.image);
  const files = await sideFiles(configuration, images);
  const shim = configuration.shim ? await ingredients.bytes('shim', SHIM) : undefined;
  const first = shim && { 'EFI/BOOT/BOOTX64.EFI': shim };
  const disk =
    layout === 'direct'
      ? undefined
      : encodeDisk({ ...first, [configuration.imagePath]: image, ...files }, layout);
  const diskCount = configuration.machine.devices.filter(({ kind }) => kind === 'disk').length;
  const disks = await Promise.all(
    Array.from({ length: diskCount }, (_, index) =>
      write(`disk${index}`, (index === configuration.bootDisk && disk) || new Uint8Array(EMPTY_DISK_BYTES)),
    ),
  );
  const variables = await variableStore(ingredients, configuration);
  return {
    root: await ingredients.root(rootName),
    machine: { ...configuration.machine, qemuVersion: ingredients.qemuVersion(rootName) },
    image,
    shim,
    disk,
    firmware: { code: await ingredients.bytes(`ovmf-${firmware}`, codePath(build)), variables },
    paths: {
      code: await ingredients.file(`ovmf-${firmware}`, codePath(build)),
      variables: await write('variables.fd', variables),
      disks,
      kernel: layout === 'direct' ? await write('kernel', image) : undefined,
    },
  };
}

async function sideFiles(
  { files, image }: Configuration,
  images: ImageFactory,
): Promise<Record<string, Uint8Array>> {
  const made = Object.entries(files).map(
    async ([path, file]): Promise<[string, Uint8Array]> => [
      path,
      await sideFile(file, image.stub === '252' ? '254' : image.stub, images),
    ],
  );
  return Object.fromEntries(await Promise.all(made));
}

async function sideFile(
  file: SideFile,
  stub: Parameters<ImageFactory['addon']>[0],
  images: ImageFactory,
): Promise<Uint8Array> {
  if ('addon' in file) return images.addon(stub, file.addon, file.signedBy);
  if (typeof file.contents === 'string') return new TextEncoder().encode(file.contents);
  if (typeof file.contents !== 'number') return file.contents;
  return Uint8Array.from({ length: file.contents }, (_, index) => (index * 31 + 7) & 0xff);
}

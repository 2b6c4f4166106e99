import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPe } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import type { Root } from '../../src/executor/executor.ts';
import { sandboxExecutor } from '../../src/executor/sandbox.ts';
import type { ImageContext } from '../../src/image/context.ts';
import { buildInitramfs, initramfsEntries } from '../../src/image/initramfs.ts';
import { treeEntries } from '../../src/image/tree-entries.ts';
import { assembleUki } from '../../src/image/uki.ts';
import { silentReporter } from '../../src/report.ts';
import { Store } from '../../src/store/store.ts';
import { judge } from './judge.ts';
import { makePe } from './make-pe.ts';
import { readCpio } from './read-cpio.ts';
import { scratch } from './scratch.ts';

/** A Debian root with binutils, zstd, the systemd stub and what the sandbox needs; see the lock's root `image`. */
const rootPath = process.env['ALTEE_TEST_ROOT'];
const stubPath = join(rootPath ?? '', 'usr/lib/systemd/boot/efi/linuxx64.efi.stub');

async function context(folder: string): Promise<ImageContext> {
  const root: Root = { path: rootPath ?? '/nowhere', digest: `sha256:${'0'.repeat(64)}` };
  return { executor: sandboxExecutor(), store: await Store.open(folder), root, reporter: silentReporter };
}

/** A bzImage in name: boot protocol header and PE headers, as the assembly asks for. */
function kernel(): Buffer {
  const image = makePe({
    sections: [{ name: '.text', address: 0x1000, data: Buffer.alloc(0x9000, 0xf4), flags: 0x6000_0020 }],
    sizeOfHeaders: 0x400,
  });
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(0x300, 0x20e);
  image.write('6.12.107 (altee@altee) #1\0', 0x500, 'latin1');
  return image;
}

async function parts(folder: string) {
  const [kernelPath, initrd] = [join(folder, 'bzImage'), join(folder, 'initrd')];
  await writeFile(kernelPath, kernel());
  await writeFile(initrd, Buffer.alloc(5000, 'initrd'));
  return {
    stub: stubPath,
    kernel: kernelPath,
    initrd,
    osRelease: 'ID=altee\n',
    cmdline: 'console=ttyS0 rootfstype=ramfs',
  };
}

describe('assembleUki()', () => {
  const refused: [string, (folder: string) => Promise<object>, RegExp][] = [
    ['an empty kernel', (folder) => fileAs(folder, 'kernel', ''), /kernel ".*" is not a bzImage/],
    [
      'a kernel without an EFI stub',
      (folder) => fileAs(folder, 'kernel', notPe()),
      /kernel ".*" is not a PE file/,
    ],
    ['a missing kernel', async () => ({ kernel: '/nowhere/bzImage' }), /there is no such file/],
    [
      'a stub that is no PE file',
      (folder) => fileAs(folder, 'stub', 'ELF'),
      /the stub ".*" is not a PE file/,
    ],
    ['an empty initramfs', (folder) => fileAs(folder, 'initrd', ''), /section ".initrd" would be empty/],
    [
      'a missing initramfs',
      async () => ({ initrd: '/nowhere/initrd' }),
      /.initrd "\/nowhere\/initrd": there is no/,
    ],
    ['an empty command line', async () => ({ cmdline: ' ' }), /command line is empty/],
    ['a line break in it', async () => ({ cmdline: 'a\nb' }), /printable ASCII/],
    [
      'one that Linux would cut off',
      async () => ({ cmdline: 'x'.repeat(2048) }),
      /2048 bytes, more than Linux takes/,
    ],
    ['an empty os-release', async () => ({ osRelease: '' }), /os-release is empty/],
  ];
  it.each(refused)('refuses %s before it runs anything', async (_, change, message) => {
    const folder = await scratch();
    const good = await parts(folder);
    await writeFile(join(folder, 'stub'), makeStub());
    const error = await assembleUki(await context(join(folder, 'store')), {
      ...good,
      stub: join(folder, 'stub'),
      ...(await change(folder)),
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'image-invalid', message: expect.stringMatching(message) });
  });

  it.skipIf(rootPath === undefined)(
    'gives the same bytes in another store, under another umask, time zone and number of jobs',
    async () => {
      const [one, two] = [await scratch(), await scratch()];
      const first = await assembleUki(await context(join(one, 'store')), await parts(one));
      const [umask, zone] = [process.umask(0o077), process.env['TZ']];
      try {
        process.env['TZ'] = 'Pacific/Chatham';
        const other = { ...(await context(join(two, 'store'))), executor: sandboxExecutor({ jobs: 1 }) };
        const second = await assembleUki(other, await parts(two));
        expect(second.sha256).toBe(first.sha256);
      } finally {
        if (zone === undefined) delete process.env['TZ'];
        else process.env['TZ'] = zone;
        process.umask(umask);
      }
      const image = await readFile(first.path);
      const names = readPe(image).sections.map(({ name }) => name);
      expect(names.slice(-5)).toEqual(['.osrel', '.uname', '.cmdline', '.initrd', '.linux']);
      expect(first.size).toBe(image.length);
    },
    60_000,
  );

  it.skipIf(rootPath === undefined)('merges a new image when only the initramfs changed', async () => {
    const folder = await scratch();
    const where = await context(join(folder, 'store'));
    const good = await parts(folder);
    const first = await assembleUki(where, good);
    await writeFile(good.initrd, Buffer.alloc(5000, 'INITRD'));
    expect((await assembleUki(where, good)).sha256).not.toBe(first.sha256);
  });
});

describe('buildInitramfs()', () => {
  it.skipIf(rootPath === undefined)('compresses the archive into what unpacks to its entries', async () => {
    const folder = await scratch();
    await mkdir(join(folder, 'out/lib'), { recursive: true });
    await writeFile(join(folder, 'out/hello'), Buffer.alloc(100_000, 'hello'), { mode: 0o700 });
    await writeFile(join(folder, 'out/lib/data'), 'data', { mode: 0o600 });
    await writeFile(join(folder, 'init'), 'init');
    const entries = initramfsEntries({
      init: join(folder, 'init'),
      config: Buffer.from('{}'),
      app: await treeEntries(join(folder, 'out'), 'app'),
    });
    const initramfs = await buildInitramfs(await context(join(folder, 'store')), entries);
    expect((await stat(initramfs.path)).size).toBe(initramfs.size);

    await cp(initramfs.path, join(folder, 'initrd.zst'));
    const archivePath = join(folder, 'archive');
    const unpacked = await judge('zstd')?.run(['-q', '-d', join(folder, 'initrd.zst'), '-o', archivePath]);
    expect(unpacked).toEqual({ code: 0, text: '' });
    const archive = await readFile(archivePath);
    expect(archive.length).toBe(initramfs.unpackedBytes);
    const modes = readCpio(archive).entries.map(({ name, mode }) => `${mode.toString(8)} ${name}`);
    expect(modes).toEqual([
      '40755 altee',
      '100400 altee/config',
      '40755 app',
      '100755 app/hello',
      '40755 app/lib',
      '100644 app/lib/data',
      '40755 dev',
      '20600 dev/console',
      '20666 dev/null',
      '40755 etc',
      '100500 init',
      '40555 proc',
      '40755 run',
      '40555 sys',
      '41777 tmp',
      '100400 whole',
    ]);
  });
});

function makeStub(): Buffer {
  return makePe({
    sections: [{ name: '.text', address: 0x1000, data: Buffer.alloc(16), flags: 0x6000_0020 }],
  });
}

function notPe(): Buffer {
  const image = kernel();
  image.write('XX', 0, 'latin1');
  return image;
}

async function fileAs(folder: string, part: string, content: string | Buffer): Promise<object> {
  const path = join(folder, `bad-${part}`);
  await writeFile(path, content);
  return { [part]: path };
}

import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAltee } from './support/altee.ts';
import { exampleFolder, exampleManifest } from './support/examples.ts';

const hello = exampleManifest('hello');
const disk = join(exampleFolder('hello'), 'dist/hello/hello.disk');

interface Measured {
  platforms: Record<
    string,
    { registers: Record<string, { status: string; values: Record<string, string> }> }
  >;
  fragile: Record<string, { register: string; fact: string }[]>;
}

async function measure(...args: string[]): Promise<Measured> {
  const { exitCode, stdout, stderr } = await startAltee(['measure', '--json', ...args]).ended;
  expect(stderr).not.toMatch(/error/);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout);
}

describe('altee measure', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'altee-measure-'));
    await startAltee(['build', hello]).ended;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gives the same values for the disk as for the manifest that it was built from', async () => {
    const [fromManifest, fromDisk] = [await measure(hello), await measure(disk, '--platform-file', hello)];
    const { PCR10: _unknown, ...known } = fromDisk.platforms['lab']?.registers ?? {};
    for (const [name, { status, values }] of Object.entries(known)) {
      // Nothing says whether the machine will run under KVM.
      expect([name, status]).toEqual([name, name === 'PCR1' ? 'assumed' : 'predicted']);
      expect([name, values]).toEqual([name, fromManifest.platforms['lab']?.registers[name]?.values]);
    }
    expect(Object.keys(known)).toHaveLength(15);
  });

  it('predicts the machine of a command line, and says what makes its registers fragile', async () => {
    const file = join(folder, 'mine.yaml');
    const command = ['-M', 'q35', '-cpu', 'max', '-m', '1G', '-nodefaults', '-serial', 'stdio'];
    const tpm = [
      '-chardev',
      'socket,id=c,path=s',
      '-tpmdev',
      'emulator,id=t,chardev=c',
      '-device',
      'tpm-tis,tpmdev=t',
    ];
    const drive = ['-drive', 'file=a,format=raw,if=none,id=d', '-device', 'virtio-blk-pci,drive=d'];
    const words = [...command, ...tpm, ...drive].map((word) => JSON.stringify(word)).join(', ');
    await writeFile(
      file,
      `apiVersion: altee/v1\nplatforms:\n  lab: { kind: qemu-tpm, command: [${words}] }\n`,
    );
    await copyFile(hello.replace('.yaml', '.lock'), join(folder, 'mine.lock'));
    const { platforms, fragile } = await measure(disk, '--platform-file', file);
    expect(platforms['lab']?.registers['PCR1']?.status).toBe('predicted');
    expect(fragile['lab']?.map(({ fact }) => fact)).toContain('the boot disk has no boot index');
  });

  it('measures the other platforms where QEMU lacks the option ROM of one, and says how to do without', async () => {
    const file = join(folder, 'rom.yaml');
    const machine = (card: string) =>
      `[-M, q35, -cpu, max, -m, 512M, -nodefaults, -netdev, "user,id=n", -device, "${card},netdev=n", -chardev, "socket,id=c,path=s", -tpmdev, "emulator,id=t,chardev=c", -device, "tpm-tis,tpmdev=t"]`;
    await writeFile(
      file,
      `apiVersion: altee/v1
platforms:
  lab: { kind: qemu-tpm, command: ${machine('e1000')} }
  without: { kind: qemu-tpm, command: ${machine('e1000,romfile=')} }
`,
    );
    const lock = JSON.parse(await readFile(hello.replace('.yaml', '.lock'), 'utf8'));
    lock.platforms.without = lock.platforms.lab;
    await writeFile(join(folder, 'rom.lock'), JSON.stringify(lock));
    const { exitCode, stdout } = await startAltee(['measure', disk, '--platform-file', file]).ended;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/lab \(qemu-tpm\): It cannot be predicted: .*\n.*efi-e1000\.rom.*\n.*"romfile="/);
    expect(stdout).toMatch(/without \(qemu-tpm\), values in SHA256\n[\s\S]*PCR2 +(predicted|assumed)/);
  });

  it('says what an image alone does not tell', async () => {
    const { platforms } = await measure(join(exampleFolder('hello'), 'dist/hello/hello.efi'));
    const statuses = Object.entries(platforms['unknown']?.registers ?? {}).map(([name, { status }]) => [
      name,
      status,
    ]);
    expect(Object.fromEntries(statuses)).toMatchObject({
      PCR0: 'host-dependent',
      PCR1: 'host-dependent',
      PCR4: 'host-dependent',
      PCR9: 'assumed',
      PCR11: 'predicted',
    });
  });

  it('refuses what is no image, disk or manifest', async () => {
    const cut = join(folder, 'cut.efi');
    await writeFile(cut, (await readFile(disk)).subarray(0, 0));
    for (const file of [cut, join(folder, 'missing'), folder]) {
      const { exitCode, stderr } = await startAltee(['measure', file]).ended;
      expect([file, exitCode]).toEqual([file, 2]);
      expect(stderr).not.toMatch(/ {4}at /);
    }
  });
});

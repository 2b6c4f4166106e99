import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { alteeMachine, type MachineDescription } from '@altee/measure';
import { boot } from './boot.ts';
import { encodeDisk } from './disk.ts';
import { Ingredients } from './ingredients.ts';
import { makeUki } from './uki.ts';

const ingredients = await Ingredients.open();
const [q = '10.0', fw = '2025.02', stubv = '257', iface = 'virtio-blk'] = process.argv.slice(2);
const rootName = `qemu-${q}` as 'qemu-10.0';
const root = await ingredients.root(rootName);
console.log(ingredients.qemuVersion(rootName));
const stub = await ingredients.bytes(`stub-${stubv}` as 'stub-257', 'usr/lib/systemd/boot/efi/linuxx64.efi.stub');
const kernel = new Uint8Array(await readFile('/tmp/altee-dev/bzImage'));
const uki = makeUki(stub, [
  ['.osrel', 'ID=matrix\n'],
  ['.cmdline', 'console=ttyS0 quiet'],
  ['.initrd', new TextEncoder().encode('not an initrd')],
  ['.linux', kernel],
]);
const disk = encodeDisk({ 'EFI/BOOT/BOOTX64.EFI': uki }, 'gpt');
const dir = await mkdtemp('/tmp/altee-dev/matrix/try-');
await writeFile(join(dir, 'disk'), disk);
const machine: MachineDescription = {
  ...alteeMachine({ qemuVersion: ingredients.qemuVersion(rootName), vcpus: 1, memoryMib: 512, tpm: 'crb', network: false }),
  devices: [{ kind: 'disk', interface: iface as 'nvme', bootIndex: 0 }],
};
const began = performance.now();
const result = await boot({
  root,
  machine,
  firmware: {
    code: await ingredients.file(`ovmf-${fw}` as 'ovmf-2025.02', 'usr/share/OVMF/OVMF_CODE_4M.fd'),
    variables: await ingredients.file(`ovmf-${fw}` as 'ovmf-2025.02', 'usr/share/OVMF/OVMF_VARS_4M.fd'),
  },
  disks: [join(dir, 'disk')],
  seconds: 60,
});
console.log(result.kernelStarted, result.seconds, (performance.now() - began) / 1000, result.tpm.banks, result.tpm.uninterpreted);
for (const e of result.tpm.extends) console.log(e.pcr, e.digests.sha256?.slice(0, 16));
console.log(JSON.stringify(result.console.slice(-600)));

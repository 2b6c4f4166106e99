import { readFile } from 'node:fs/promises';
import { lockedPackage } from '@altee/manifest';
import { z } from 'zod';
import type { Root } from '../../packages/builder/src/executor/executor.ts';
import { assembleRoot } from '../../packages/builder/src/root/assemble-root.ts';
import { fetchAll, type Workshop } from '../../packages/builder/src/workshop.ts';

/**
 * The outside judges: Debian's packages of tools that others wrote, which check altee's results. They are pinned
 * in `judges.lock.json` and run in a root of their own; written by `npm run judges`.
 */
export const JUDGES = {
  'kernel-hardening-checker': 'checks the kernel configuration, command line and sysctls',
  'tpm2-tools': 'tpm2_eventlog reads predicted event logs; tpm2_policypcr and others compute policies',
  swtpm: 'the TPM that tpm2_policypcr and others ask',
  cddl: 'validates a CoRIM against the CDDL of its draft',
  systemd: 'systemd-measure computes PCR 11',
  sbsigntool: 'sbverify reads the EFI file',
  gdisk: 'sgdisk verifies the partition table',
  dosfstools: 'fsck.fat verifies the EFI system partition',
  mtools: 'mdir and mcopy read the EFI system partition',
  cpio: 'reads the initramfs',
  zstd: 'unpacks the initramfs',
  binutils: 'readelf and objdump',
  'systemd-boot-efi': 'a stub for the tests of merging',
  'perl-base': 'sets the host name of the sandbox, as in the kernel root',
  grep: 'standard tool of the steps in tests',
  sed: 'standard tool of the steps in tests',
  findutils: 'standard tool of the steps in tests',
  tar: 'standard tool of the steps in tests',
} as const;

const lockFile = new URL('./judges.lock.json', import.meta.url);

const judgesLock = z.strictObject({
  snapshot: z.string(),
  digest: z.string(),
  packages: z.record(z.string(), lockedPackage),
});

/** The judges' root, fetched and assembled when it is missing. */
export async function judgesRoot(workshop: Workshop): Promise<Root> {
  const lock = judgesLock.parse(JSON.parse(await readFile(lockFile, 'utf8')));
  const files = Object.entries(lock.packages).map(([name, file]) => ({ name, file }));
  const paths = await fetchAll(workshop, files, 'Fetch the judges');
  const packages = files.map(({ name, file }) => ({
    name,
    path: paths.get(name) ?? '',
    sha256: file.sha256,
  }));
  const root = await assembleRoot(workshop.store, packages, workshop);
  if (root.digest !== lock.digest)
    throw new Error(`The judges' root is ${root.digest}, locked ${lock.digest}`);
  return root;
}

import { encodeRsdp } from '../acpi/rsdp.ts';
import { equalBytes } from '../bytes/compare.ts';
import { utf16z } from '../bytes/text.ts';
import { defaultHasher, type Hasher, type HashName, hash } from '../hash.ts';
import { authenticodeDigest } from '../pe/authenticode.ts';
import { readPe } from '../pe/image.ts';
import { separatorData } from '../tcg/event-data.ts';
import { directCommandLine } from './command-line.ts';
import { patchKernelHeader } from './direct-kernel.ts';
import { computeMrtd, type MrtdOrder, mrtdOrders } from './mrtd.ts';
import type { OvmfTraits } from './ovmf.ts';
import { encodeTdHob, splitTdHobMemory, type TdHobVmm } from './td-hob.ts';
import { parseTdvf, type TdvfSection } from './tdvf.ts';

/*
 * Digests turned round: each function goes through a small set of causes and gives the one whose digest was observed, or
 * `undefined`.
 */

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** RAM sizes that machines have, likely ones first: whole GiB, then 128 MiB, then every MiB of small ones. */
function* memorySizes(): Generator<number> {
  for (let size = 1; size <= 4096; size++) yield size * GiB;
  for (let size = 1; size <= 512; size++) yield size * 128 * MiB;
  for (let size = 16; size <= 16384; size++) yield size * MiB;
}

/** The size of RAM whose TD HOB has that digest (SHA-384), with the firmware's sections. */
export function solveTdHobRam(
  digest: Uint8Array,
  sections: readonly TdvfSection[],
  vmm: TdHobVmm,
  hasher: Hasher = defaultHasher,
): { readonly memoryBytes: number } | undefined {
  const templates = [2 * GiB, 4 * GiB].map((memoryBytes) => ({
    memoryBytes,
    list: encodeTdHob(sections, memoryBytes, vmm),
  }));
  const low = templates[0]?.list.length;
  for (const memoryBytes of memorySizes()) {
    const high = splitTdHobMemory(memoryBytes, vmm).high > 0;
    const template = templates.find(({ list }) => (list.length === low) !== high);
    if (!template) continue;
    // Sizes on the same side of 4 GiB differ in the length of the last range alone.
    const view = new DataView(template.list.buffer, template.list.byteOffset, template.list.byteLength);
    const last = template.list.length - 8;
    const length = Number(view.getBigUint64(last, true)) + memoryBytes - template.memoryBytes;
    if (length <= 0) continue;
    const list = Uint8Array.from(template.list);
    new DataView(list.buffer).setBigUint64(last, BigInt(length), true);
    if (equalBytes(hash(hasher, 'sha384', list), digest)) return { memoryBytes };
  }
  return undefined;
}

/** Size of QEMU's `etc/acpi/tables` unless the machine has very many devices (ACPI_BUILD_TABLE_SIZE). */
const largestRsdtOffset = 0x2_0000;

/**
 * The RSDT's offset in the tables, from the digest of `etc/acpi/rsdp`. It moves with every byte that the tables gain: with
 * vCPUs and devices.
 */
export function solveRsdtOffset(
  digest: Uint8Array,
  bank: HashName = 'sha384',
  hasher: Hasher = defaultHasher,
): number | undefined {
  const pointer = encodeRsdp(0);
  const view = new DataView(pointer.buffer, pointer.byteOffset, pointer.byteLength);
  for (let offset = 0; offset < largestRsdtOffset; offset++) {
    view.setUint32(16, offset, true);
    if (equalBytes(hash(hasher, bank, pointer), digest)) return offset;
  }
  return undefined;
}

/** The number of vCPUs whose tables have that digest; `tablesOf` makes or knows the tables, or not. */
export function solveVcpus(
  digest: Uint8Array,
  tablesOf: (vcpus: number) => Uint8Array | undefined,
  { most = 64, bank = 'sha384' }: { readonly most?: number; readonly bank?: HashName } = {},
  hasher: Hasher = defaultHasher,
): number | undefined {
  for (let vcpus = 1; vcpus <= most; vcpus++) {
    const tables = tablesOf(vcpus);
    if (tables && equalBytes(hash(hasher, bank, tables), digest)) return vcpus;
  }
  return undefined;
}

/** How the command line reached the kernel: as it was given, or with `initrd=initrd` behind or before it. */
export type CommandLineForm = 'plain' | OvmfTraits['initrdArgument'];

/** The form of the command line whose LoadOptions have that digest. Throws `unsupported` outside ASCII. */
export function solveCommandLineForm(
  digest: Uint8Array,
  commandLine: string,
  bank: HashName = 'sha384',
  hasher: Hasher = defaultHasher,
): CommandLineForm | undefined {
  const forms: Readonly<Record<CommandLineForm, string>> = {
    plain: directCommandLine(commandLine, false, 'suffix'),
    suffix: directCommandLine(commandLine, true, 'suffix'),
    prefix: directCommandLine(commandLine, true, 'prefix'),
  };
  return (['plain', 'suffix', 'prefix'] as const).find((form) =>
    equalBytes(hash(hasher, bank, utf16z(forms[form])), digest),
  );
}

/** The order of the VMM that gives this MRTD. Throws as `parseTdvf` does. */
export function solveMrtdOrder(
  mrtd: Uint8Array,
  firmware: Uint8Array,
  hasher: Hasher = defaultHasher,
): MrtdOrder | undefined {
  const tdvf = parseTdvf(firmware);
  return mrtdOrders.find((order) => equalBytes(computeMrtd(firmware, tdvf, order, hasher), mrtd));
}

/** How many separators a register's digests hold. */
export function countSeparators(
  digests: readonly Uint8Array[],
  bank: HashName = 'sha384',
  hasher: Hasher = defaultHasher,
): number {
  const separator = hash(hasher, bank, separatorData);
  return digests.filter((digest) => equalBytes(digest, separator)).length;
}

/** The rule that firmware's separators follow, from the digests of RTMR 0 and 1. */
export function solveSeparators(
  rtmr0: readonly Uint8Array[],
  rtmr1: readonly Uint8Array[],
  hasher: Hasher = defaultHasher,
): OvmfTraits['separators'] | undefined {
  const counts = [rtmr0, rtmr1].map((digests) => countSeparators(digests, 'sha384', hasher)).join();
  return counts === '2,0' ? 'rtmr0-twice' : counts === '1,1' ? 'one-each' : undefined;
}

/** What QEMU did to a kernel before it served it. */
export type KernelForm =
  | { readonly form: 'unpatched' }
  /** Any size of RAM that puts the initrd at the same address explains the digest as well. */
  | { readonly form: 'patched'; readonly memoryBytes: number };

/**
 * Whether the kernel was served as it is, or with QEMU's changes to its header, and then for which size of RAM. Throws
 * as `readPe` and `patchKernelHeader` do.
 */
export function solveKernelForm(
  digest: Uint8Array,
  kernel: Uint8Array,
  { initrdSize, memorySizes }: { readonly initrdSize: number; readonly memorySizes: readonly number[] },
  bank: HashName = 'sha384',
  hasher: Hasher = defaultHasher,
): KernelForm | undefined {
  const digestOf = (bytes: Uint8Array): Uint8Array => authenticodeDigest(bytes, readPe(bytes), bank, hasher);
  if (equalBytes(digestOf(kernel), digest)) return { form: 'unpatched' };
  for (const memoryBytes of memorySizes) {
    if (equalBytes(digestOf(patchKernelHeader(kernel, { memoryBytes, initrdSize })), digest))
      return { form: 'patched', memoryBytes };
  }
  return undefined;
}

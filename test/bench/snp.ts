import { execFile } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findSnpCpu, predictSnp, readSnpFirmware } from '@altee/measure';
import { makeSevFirmware } from '../../packages/measure/test/snp/make-firmware.ts';
import type { Benchmark, Sample } from './benchmark.ts';
import { median, repeat, timeCommand } from './timing.ts';

/** OVMF's size in all its present builds. */
const FIRMWARE_BYTES = 4 * 2 ** 20;
const VCPUS = 4;
const REFERENCE = 'sev-snp-measure';

/** What any Python has to do for the pages alone: two SHA-384 a page. Prints the seconds, without Python's start. */
const pythonPages = `
import hashlib, sys, time
data = open(sys.argv[1], 'rb').read()
began = time.perf_counter()
digest = bytes(48)
for at in range(0, len(data), 4096):
    contents = hashlib.sha384(data[at:at + 4096]).digest()
    address = 2**32 - len(data) + at
    digest = hashlib.sha384(digest + contents + b'\\x70\\0\\1\\0\\0\\0\\0\\0' + address.to_bytes(8, 'little')).digest()
print(time.perf_counter() - began)
`;

/** The SEV-SNP launch digest of a 4 MiB firmware, beside the Python reference where it is installed. */
export const snp: Benchmark = {
  name: 'snp',
  title: 'SEV-SNP launch digest: 4 MiB of firmware, 4 processors',
  isSlow: false,
  run: async ({ runs, say }) => {
    const file = makeSevFirmware({ size: FIRMWARE_BYTES });
    randomFillSync(file, 0, FIRMWARE_BYTES - 4096);
    const cpu = findSnpCpu('EPYC-v4');
    const guest = { vmm: 'qemu', vcpus: VCPUS, cpu } as const;
    const read = readSnpFirmware(file, createHash);
    const fresh = repeatWork(runs, () => predictSnp({ ...guest, firmware: file }, createHash));
    const again = repeatWork(runs, () => predictSnp({ ...guest, firmware: read }, createHash));
    const others = await withFile(file, async (ovmf) => ({
      pages: await timePages(ovmf, runs).catch(() => undefined),
      reference: await timeReference(ovmf, runs).catch(() => undefined),
    }));
    const { pages, reference } = others;
    if (!reference) say(`${REFERENCE} is not installed`);
    const times = (a: readonly Sample[], b: readonly Sample[]) =>
      `${(median(a).seconds / median(b).seconds).toFixed(1)} times as fast`;
    return {
      facts: [
        { label: 'firmware read and hashed', value: milliseconds(fresh) },
        { label: 'firmware hashed before', value: milliseconds(again) },
        ...(pages ? [{ label: 'the pages alone in Python', value: milliseconds(pages) }] : []),
        ...(reference ? [{ label: REFERENCE, value: milliseconds(reference) }] : []),
      ],
      targets: [
        ...(reference
          ? [{ label: 'against the reference', reached: times(reference, fresh), wanted: 'at least 5' }]
          : []),
        ...(pages
          ? [{ label: 'another guest, same firmware', reached: times(pages, again), wanted: 'at least 5' }]
          : []),
      ],
      notes: [
        reference
          ? 'The reference is timed as its command, with the start of Python'
          : `${REFERENCE} is not installed, and it publishes no times; "the pages alone" is the least that it needs`,
      ],
    };
  },
};

function repeatWork(runs: number, work: () => unknown): Sample[] {
  work();
  return Array.from({ length: runs }, () => {
    const began = performance.now();
    work();
    return { seconds: (performance.now() - began) / 1000 };
  });
}

async function withFile<T>(firmware: Uint8Array, work: (ovmf: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'altee-bench-'));
  try {
    const ovmf = join(folder, 'ovmf.fd');
    await writeFile(ovmf, firmware);
    return await work(ovmf);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function timeReference(ovmf: string, runs: number): Promise<Sample[]> {
  const options = ['--mode', 'snp', '--vcpu-type', 'EPYC-v4', '--vcpus', String(VCPUS), '--ovmf', ovmf];
  return repeat(runs, () => timeCommand({ command: [REFERENCE, ...options] }));
}

function timePages(ovmf: string, runs: number): Promise<Sample[]> {
  const run = promisify(execFile);
  return repeat(runs, async () => ({
    seconds: Number((await run('python3', ['-c', pythonPages, ovmf])).stdout),
  }));
}

function milliseconds(samples: readonly Sample[]): string {
  return `${(median(samples).seconds * 1000).toFixed(2)} ms`;
}

import { readFile as readHostFile, truncate, writeFile as writeHostFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AddressWidth, type MachineDescription, type OvmfRules, qemuArguments } from '@altee/measure';
import { BuilderError } from '../error.ts';
import type { Bind } from '../executor/enter.ts';
import { WORK_PATH } from '../executor/environment.ts';
import type { Root } from '../executor/executor.ts';
import { printable } from '../executor/printable.ts';
import { supervise, timeGuard } from '../executor/supervise.ts';
import { enterPlatform } from '../run/machine-entry.ts';
import { withRunFolder } from '../run/run-folder.ts';
import { configureMachine } from './configure-machine.ts';
import type { FoundFunction } from './configure-pci.ts';
import { readCpuFacts } from './cpu-facts.ts';
import { readDirectory, readFile } from './fw-cfg.ts';
import { QmpQuery } from './qmp-query.ts';
import { Qtest } from './qtest.ts';

/** What a machine of QEMU's hands to firmware. */
export interface MachineCapture {
  readonly cpu: AddressWidth;
  /** Name → contents of each file of the firmware configuration device, without programs (`genroms/…`). */
  readonly fwCfg: Readonly<Record<string, Uint8Array>>;
  /** PCI functions in the order in which firmware finds them. */
  readonly functions: readonly FoundFunction[];
}

export interface CaptureOptions {
  /** The locked root with QEMU and swtpm. */
  readonly root: Root;
  readonly description: MachineDescription;
  /** Files on the host. Nothing of them runs; QEMU wants to have them. */
  readonly firmware: { readonly code: string; readonly variables: string };
  readonly rules: OvmfRules;
  readonly signal?: AbortSignal;
}

const QTEST_SOCKET = 'qtest.sock';
const QMP_SOCKET = 'qmp.sock';
const TPM_SOCKET = 'tpm.sock';
const CODE = '/src/code.fd';
/** Longer than any capture takes on a busy machine. */
const TIMEOUT_SECONDS = 60;
const DISK_BYTES = 2 ** 20;

/**
 * QEMU is held before its first instruction (`-S`); the TPM must be there, and stays untouched. A disk that takes no
 * `readonly` has a temporary file, which QEMU puts in /var/tmp unless it is told another place than /tmp.
 */
const SCRIPT = `swtpm socket --tpm2 --tpmstate dir=${WORK_PATH} --ctrl type=unixio,path=${WORK_PATH}/${TPM_SOCKET} \\
  --terminate > swtpm.log 2>&1 < /dev/null &
while [ ! -S ${TPM_SOCKET} ]; do kill -0 $!; sleep 0.005; done
TMPDIR=${WORK_PATH} exec qemu-system-x86_64 "$@" > qemu.log 2>&1`;

/** What QEMU says where a device's ROM is not there (hw/pci/pci.c, hw/core/loader.c). */
const MISSING_ROM = /failed to find romfile|could not (?:open|load) (?:option )?rom/i;
const ROM_HINT =
  'The locked QEMU comes without this option ROM. Give the device "romfile=" with nothing behind it: it then has none, and PCR 2 is the more stable';

/**
 * Reads out of the locked, unmodified QEMU what it hands to firmware for a machine: ACPI and SMBIOS tables and all the
 * other files. Nothing of the machine runs: it is held at its reset vector, while its chipset is configured as firmware
 * will do it. Takes about 0.2 s. Throws `machine-failed` where QEMU refuses the machine.
 */
export async function captureMachine(options: CaptureOptions): Promise<MachineCapture> {
  const chipset = options.description.machineType;
  if (!/^(q35|pc-q35-[\d.]+)$/.test(chipset)) {
    throw new BuilderError(
      'invalid-input',
      `Tables of a "${chipset}" machine can't be read out: only q35's can`,
    );
  }
  return await withRunFolder((folder) => captureIn(folder, options));
}

async function captureIn(folder: string, options: CaptureOptions): Promise<MachineCapture> {
  const { description, firmware } = options;
  const disks = description.devices.filter(({ kind }) => kind === 'disk');
  await writeHostFile(join(folder, 'disk'), '');
  await truncate(join(folder, 'disk'), DISK_BYTES);
  await writeHostFile(join(folder, 'variables.fd'), await readHostFile(firmware.variables));
  await writeHostFile(join(folder, 'kernel'), new Uint8Array(4096));
  const binds: Bind[] = [{ kind: 'file', access: 'ro', inside: CODE, host: firmware.code }];
  const inside = (name: string) => `${WORK_PATH}/${name}`;
  const command = await enterPlatform({
    rootPath: options.root.path,
    folder,
    binds,
    network: 'none',
    script: SCRIPT,
    args: [
      ...qemuArguments(withEmulatedProcessor(description), {
        accelerator: 'tcg',
        firmwareCode: CODE,
        firmwareVariables: inside('variables.fd'),
        tpmSocket: inside(TPM_SOCKET),
        disks: disks.map(() => inside('disk')),
        kernel: inside('kernel'),
        initrd: inside('kernel'),
        qmpSocket: inside(QMP_SOCKET),
      }),
      '-S',
      ...['-qtest', `unix:${inside(QTEST_SOCKET)},server=on,wait=off`],
      ...['-qtest-log', 'none'],
    ],
  });

  const done = new AbortController();
  const ended = new AbortController();
  const captured = capture(folder, options, ended.signal).finally(() => done.abort());
  captured.catch(() => {});
  await supervise(command, {
    onOutput: () => {},
    signal: options.signal ? AbortSignal.any([done.signal, options.signal]) : done.signal,
    guards: [timeGuard(TIMEOUT_SECONDS, 'timeout')],
  });
  ended.abort();
  try {
    return await captured;
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    const log = await readHostFile(join(folder, 'qemu.log'), 'utf8').catch(() => '');
    throw new BuilderError('machine-failed', 'QEMU does not make the machine whose tables are wanted', {
      details: log.split('\n').filter(Boolean).slice(-10).map(printable),
      ...(MISSING_ROM.test(log) && { hint: ROM_HINT }),
      cause,
    });
  }
}

async function capture(
  folder: string,
  { rules, description }: CaptureOptions,
  ended: AbortSignal,
): Promise<MachineCapture> {
  const qtest = await Qtest.open(join(folder, QTEST_SOCKET), ended);
  const qmp = await QmpQuery.open(join(folder, QMP_SOCKET), ended);
  try {
    const cpu = await readCpuFacts(qmp);
    const functions = await configureMachine(qtest, cpu, rules, description.memoryMib);
    const fwCfg: Record<string, Uint8Array> = {};
    for (const file of await readDirectory(qtest)) {
      if (!/^(genroms|vgaroms)\//.test(file.name)) fwCfg[file.name] = await readFile(qtest, file);
    }
    return { cpu, functions, fwCfg };
  } finally {
    qtest.close();
    qmp.close();
  }
}

/** A host's processor needs KVM, and is not predicted; the rest of the machine is the same without it. */
function withEmulatedProcessor(description: MachineDescription): MachineDescription {
  return { ...description, cpu: description.cpu.replace(/^host(?=,|$)/, 'max') };
}

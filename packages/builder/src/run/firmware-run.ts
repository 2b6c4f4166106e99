import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  firmwareProgress,
  type MachineDescription,
  type ObservedExtend,
  qemuArguments,
} from '@altee/measure';
import { BuilderError } from '../error.ts';
import type { Bind } from '../executor/enter.ts';
import { WORK_PATH } from '../executor/environment.ts';
import type { Root } from '../executor/executor.ts';
import { printable } from '../executor/printable.ts';
import { supervise } from '../executor/supervise.ts';
import { nativeHasher } from '../platform/native-hasher.ts';
import type { Reporter, Task } from '../report.ts';
import { enterPlatform } from './machine-entry.ts';
import { observedMeasurements } from './observed.ts';
import { Qmp } from './qmp.ts';
import { withRunFolder } from './run-folder.ts';
import { swtpmScript, TPM_LOG, TPM_SOCKET } from './swtpm.ts';
import type { TpmBank } from './tpm-algorithm.ts';
import { MAX_TPM_LOG_BYTES, readTpmLog } from './tpm-log.ts';
import { readTpmView } from './tpm-view.ts';

export interface FirmwareRunOptions {
  /** The locked root with QEMU and swtpm. */
  readonly root: Root;
  /** The machine; it must have a TPM. */
  readonly description: MachineDescription;
  readonly accelerator: 'kvm' | 'tcg';
  /** Files on the host. The variable store is copied. */
  readonly firmware: { readonly code: string; readonly variables: string };
  /** Raw disks on the host, one for each of the description's, in order; the guest can't write to them. */
  readonly disks: readonly string[];
  /** Files on the host, of a machine that boots directly. */
  readonly kernel?: string | undefined;
  readonly initrd?: string | undefined;
  /** PCR banks; all four by default. Firmware hashes once for each. */
  readonly banks?: readonly TpmBank[] | undefined;
  /** 180 by default. */
  readonly timeoutSeconds?: number | undefined;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

export interface FirmwareRun {
  /** What firmware measured before it turned to its boot option, in order, by the TPM's own log. */
  readonly firmware: readonly ObservedExtend[];
  readonly seconds: number;
}

const ALL_BANKS: readonly TpmBank[] = ['sha1', 'sha256', 'sha384', 'sha512'];
const TIMEOUT_SECONDS = 180;
/** Between two looks at the TPM's log. */
const POLL_MS = 100;
/** Firmware that has closed its registers and has nothing to boot measures no more: it waits at its menu. */
const SILENCE_MS = 3000;
/** Longer than QEMU needs to end when it is asked to. */
const GRACE_MS = 5000;

/** Paths inside the root. */
const CODE = '/src/code.fd';
const STORE = '/src/variables.fd';
const KERNEL = '/src/kernel';
const INITRD = '/src/initrd';
const QMP_SOCKET = 'qmp.sock';

/**
 * Starts the described machine with firmware and software TPM, and stops it when firmware has made its own
 * measurements: at the first one of its boot option, or when there is none. Takes some 5 s without KVM. Nothing that
 * the TPM got from there on is looked at: the image may have begun to run by then, and is not trusted.
 *
 * Throws `invalid-input` for a machine without a TPM, and `machine-failed` where QEMU can't run it, the time is over,
 * or the TPM's log was not understood whole.
 */
export async function runFirmware(options: FirmwareRunOptions): Promise<FirmwareRun> {
  const { description, disks, reporter } = options;
  if (description.tpm === undefined) {
    throw new BuilderError('invalid-input', 'A machine without a TPM measures nothing that could be read');
  }
  const wanted = description.devices.filter(({ kind }) => kind === 'disk').length;
  if (disks.length !== wanted) {
    throw new BuilderError(
      'invalid-input',
      `The machine wants files for its disks: ${wanted}, and ${disks.length} were given`,
    );
  }
  const task = reporter.start('Running the firmware alone');
  const began = performance.now();
  const firmware = await withRunFolder((folder) => runIn(folder, options, task));
  const seconds = (performance.now() - began) / 1000;
  task.done(`${firmware.length} measurements in ${seconds.toFixed(1)} s`);
  return { firmware, seconds };
}

async function runIn(
  folder: string,
  options: FirmwareRunOptions,
  task: Task,
): Promise<readonly ObservedExtend[]> {
  const command = await enterPlatform({
    rootPath: options.root.path,
    folder,
    binds: hostFiles(options),
    network: 'none',
    script: runScript(options.banks ?? ALL_BANKS),
    args: machineArguments(options),
  });
  const log = join(folder, TPM_LOG);
  const qmp = new Qmp();
  const opened = qmp.open(join(folder, QMP_SOCKET));
  let ended: 'done' | 'timeout' | undefined;
  try {
    const exit = await supervise(command, {
      onOutput: (chunk) => task.output(printable(Buffer.from(chunk).toString('latin1').trimEnd())),
      ...(options.signal ? { signal: options.signal } : {}),
      guards: [
        async (stop) => {
          ended = await firmwareEnd(log, options, task, stop);
          if (ended === undefined) return undefined;
          // QEMU ends by itself if it still answers, and swtpm with it, so that its log is whole.
          if (qmp.quit()) await delay(GRACE_MS, undefined, { signal: stop }).catch(() => {});
          return stop.aborted ? undefined : ended;
        },
      ],
    });
    if (exit.killedFor === 'aborted') options.signal?.throwIfAborted();
    if (ended === undefined) throw await failure(folder, 'QEMU ended before the firmware was done');
    if (ended === 'timeout') throw await failure(folder, 'The firmware was not done in time');
    return await readFirmware(log);
  } finally {
    qmp.close();
    await opened;
  }
}

/** Looks at the TPM's log as it grows, until firmware is done or the time is over. */
async function firmwareEnd(
  log: string,
  { timeoutSeconds = TIMEOUT_SECONDS }: FirmwareRunOptions,
  task: Task,
  stop: AbortSignal,
): Promise<'done' | 'timeout' | undefined> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  let size = 0;
  let changed = performance.now();
  let separated = false;
  while (!stop.aborted) {
    if (performance.now() > deadline) return 'timeout';
    await delay(POLL_MS, undefined, { signal: stop }).catch(() => {});
    const now = await sizeOf(log);
    if (now === size) {
      if (separated && performance.now() - changed > SILENCE_MS) return 'done';
      continue;
    }
    size = now;
    changed = performance.now();
    const all = await readGrowing(log);
    if (all === undefined) continue;
    task.progress(all.length, undefined, 'items');
    const progress = firmwareProgress(all, nativeHasher);
    separated = progress.separated;
    if (progress.firmware) return 'done';
  }
  return undefined;
}

/** The extensions so far; `undefined` while swtpm is writing a record. */
async function readGrowing(path: string): Promise<readonly ObservedExtend[] | undefined> {
  try {
    return observedMeasurements(readTpmView(await readHead(path))).extends;
  } catch (error) {
    if (error instanceof BuilderError) return undefined;
    throw error;
  }
}

async function readHead(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min((await file.stat()).size, MAX_TPM_LOG_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function readFirmware(log: string): Promise<readonly ObservedExtend[]> {
  const view = await readTpmLog(log);
  const { extends: all = [] } = observedMeasurements(view);
  const { firmware, separated } = firmwareProgress(all, nativeHasher);
  if (view.uninterpreted.length > 0 || !separated) {
    throw new BuilderError('machine-failed', 'What the firmware measured is not fully known', {
      details: view.uninterpreted.slice(0, 10),
    });
  }
  return firmware ?? all;
}

function runScript(banks: readonly TpmBank[]): string {
  return `${swtpmScript(WORK_PATH, banks)}
cp ${STORE} variables.fd && chmod 600 variables.fd
code=0
TMPDIR=${WORK_PATH} qemu-system-x86_64 "$@" > qemu.log 2>&1 || code=$?
tries=0
while kill -0 $tpm 2> /dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.02; done
exit $code`;
}

function machineArguments({ description, accelerator, disks }: FirmwareRunOptions): string[] {
  return qemuArguments(description, {
    accelerator,
    firmwareCode: CODE,
    firmwareVariables: `${WORK_PATH}/variables.fd`,
    tpmSocket: `${WORK_PATH}/${TPM_SOCKET}`,
    disks: disks.map((_, index) => diskPath(index)),
    kernel: KERNEL,
    initrd: INITRD,
    serial: Array.from({ length: description.serialPorts }, () => 'null'),
    qmpSocket: `${WORK_PATH}/${QMP_SOCKET}`,
  });
}

function diskPath(index: number): string {
  return `/src/disk${index}`;
}

function hostFiles({ firmware, disks, kernel, initrd, accelerator }: FirmwareRunOptions): Bind[] {
  const file = (inside: string, host: string): Bind => ({ kind: 'file', access: 'ro', inside, host });
  return [
    file(CODE, firmware.code),
    file(STORE, firmware.variables),
    ...disks.map((disk, index) => file(diskPath(index), disk)),
    ...(kernel === undefined ? [] : [file(KERNEL, kernel)]),
    ...(initrd === undefined ? [] : [file(INITRD, initrd)]),
    ...(accelerator === 'kvm'
      ? [{ kind: 'dev', access: 'rw', inside: '/dev/kvm', host: '/dev/kvm' } as const]
      : []),
  ];
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function failure(folder: string, problem: string): Promise<BuilderError> {
  const log = await readFile(join(folder, 'qemu.log'), 'utf8').catch(() => '');
  return new BuilderError('machine-failed', problem, {
    hint: 'A busy machine may need more time; see the last lines of QEMU below',
    details: log.split('\n').filter(Boolean).slice(-10).map(printable),
  });
}

import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type MachineDescription, qemuArguments } from '@altee/measure';
import type { Bind } from '../../packages/builder/src/executor/enter.ts';
import { WORK_PATH } from '../../packages/builder/src/executor/environment.ts';
import type { Root } from '../../packages/builder/src/executor/executor.ts';
import { supervise } from '../../packages/builder/src/executor/supervise.ts';
import { enterPlatform } from '../../packages/builder/src/run/machine-entry.ts';
import { Qmp } from '../../packages/builder/src/run/qmp.ts';
import { withRunFolder } from '../../packages/builder/src/run/run-folder.ts';
import { TPM_LOG, TPM_SOCKET } from '../../packages/builder/src/run/swtpm.ts';
import { readTpmLog } from '../../packages/builder/src/run/tpm-log.ts';
import type { TpmView } from '../../packages/builder/src/run/tpm-view.ts';

export interface BootOptions {
  readonly root: Root;
  readonly machine: MachineDescription;
  /** Files of the host. */
  readonly firmware: { readonly code: string; readonly variables: string };
  /** One for each disk of the machine. */
  readonly disks: readonly string[];
  readonly kernel?: string | undefined;
  /** Wait until the kernel's IMA has extended PCR 10 for the first time. */
  readonly untilIma: boolean;
  readonly seconds: number;
}

export interface Boot {
  readonly tpm: TpmView;
  /** Whether firmware was left: the kernel has called ExitBootServices(). */
  readonly kernelStarted: boolean;
  readonly seconds: number;
  /** The end of what firmware, stub and kernel wrote to the serial port. */
  readonly console: string;
}

/** SHA-256 of "Exit Boot Services Returned with Success", the last thing that firmware measures. */
const LAST_DIGEST = /b54f7542cbd872a81a9d9dea839b2b8d747c7ebd5ea6615c40f42f44a6dbeba0/;
/** TPM2_PCR_Extend of PCR 10 (TPM 2.0 Library, Part 3, 22.2): tag, size, command, handle. */
const EXTEND_PCR_10 = /8002[0-9a-f]{8}000001820000000a/;
/** Nothing measures after firmware was left, unless it does so within this time. */
const GRACE_MS = 400;
const POLL_MS = 100;
/** Characters that a pattern may span. */
const MAX_PATTERN = 128;
const QMP_SOCKET = 'qmp.sock';

/** A raw swtpm has all four banks. */
const SCRIPT = `mkdir tpm
swtpm socket --tpm2 --tpmstate dir=${WORK_PATH}/tpm --ctrl type=unixio,path=${WORK_PATH}/${TPM_SOCKET} \\
  --log file=${WORK_PATH}/${TPM_LOG},level=2,truncate --terminate > /dev/null < /dev/null &
tpm=$!
tries=0
while [ ! -S ${TPM_SOCKET} ]; do
  kill -0 $tpm && [ $tries -lt 500 ] || { echo 'swtpm does not start' >&2; exit 1; }
  tries=$((tries + 1)); sleep 0.02
done
cp /src/variables.fd variables.fd && chmod 600 variables.fd
code=0
TMPDIR=${WORK_PATH} qemu-system-x86_64 "$@" 2> qemu.log || code=$?
tries=0
while kill -0 $tpm 2> /dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.02; done
cat qemu.log
exit $code`;

/** Boots a machine until its kernel has left the firmware behind, and gives what its TPM received. */
export async function boot(options: BootOptions): Promise<Boot> {
  return await withRunFolder((folder) => bootIn(folder, options));
}

async function bootIn(folder: string, options: BootOptions): Promise<Boot> {
  const { root, machine, firmware, disks, kernel } = options;
  const bind = (inside: string, host: string): Bind => ({ kind: 'file', access: 'ro', inside, host });
  const command = await enterPlatform({
    rootPath: root.path,
    folder,
    binds: [
      bind('/src/code.fd', firmware.code),
      bind('/src/variables.fd', firmware.variables),
      ...disks.map((disk, index) => bind(`/src/disk${index}`, disk)),
      ...(kernel === undefined ? [] : [bind('/src/kernel', kernel)]),
    ],
    network: 'none',
    script: SCRIPT,
    args: qemuArguments(machine, {
      accelerator: 'tcg',
      firmwareCode: '/src/code.fd',
      firmwareVariables: `${WORK_PATH}/variables.fd`,
      tpmSocket: `${WORK_PATH}/${TPM_SOCKET}`,
      disks: disks.map((_, index) => `/src/disk${index}`),
      kernel: '/src/kernel',
      serial: [`file,path=${WORK_PATH}/serial.log`],
      qmpSocket: `${WORK_PATH}/${QMP_SOCKET}`,
    }),
  });

  const qmp = new Qmp();
  const opened = qmp.open(join(folder, QMP_SOCKET));
  const said: Uint8Array[] = [];
  let kernelStarted = false;
  const began = performance.now();
  try {
    const exit = await supervise(command, {
      onOutput: (chunk) => void said.push(chunk),
      guards: [
        async (stop) => {
          const log = new GrowingLog(join(folder, TPM_LOG), options.seconds, stop);
          kernelStarted = await log.has(LAST_DIGEST);
          if (kernelStarted && options.untilIma) await log.has(EXTEND_PCR_10);
          if (stop.aborted) return undefined;
          if (kernelStarted) await delay(GRACE_MS);
          // QEMU ends by itself if it still answers, and swtpm with it, so that its log is whole.
          if (qmp.quit()) await delay(10_000, undefined, { signal: stop }).catch(() => {});
          return stop.aborted ? undefined : 'hangs';
        },
      ],
    });
    const output = Buffer.concat(said).toString('latin1').trim();
    if (exit.code !== 0 && !kernelStarted && output !== '') throw new Error(`QEMU cannot run: ${output}`);
    return {
      tpm: await readTpmLog(join(folder, TPM_LOG)),
      kernelStarted,
      seconds: (performance.now() - began) / 1000,
      console: (await readFile(join(folder, 'serial.log'), 'latin1').catch(() => '')).slice(-4000),
    };
  } finally {
    qmp.close();
    await opened;
  }
}

/** swtpm's log as it grows. */
class GrowingLog {
  readonly #path: string;
  readonly #deadline: number;
  readonly #stop: AbortSignal;
  #position = 0;
  #rest = '';

  constructor(path: string, seconds: number, stop: AbortSignal) {
    this.#path = path;
    this.#deadline = performance.now() + seconds * 1000;
    this.#stop = stop;
  }

  /** Waits until the log holds such bytes, in hex, behind those that were found before; false when time is over. */
  async has(pattern: RegExp): Promise<boolean> {
    for (;;) {
      const found = pattern.exec(this.#rest);
      if (found) {
        this.#rest = this.#rest.slice(found.index + found[0].length);
        return true;
      }
      if (this.#stop.aborted || performance.now() > this.#deadline) return false;
      await delay(POLL_MS, undefined, { signal: this.#stop }).catch(() => {});
      const chunk = await readFrom(this.#path, this.#position);
      this.#position += chunk.length;
      this.#rest = `${this.#rest.slice(-MAX_PATTERN)}${chunk.toString('latin1').replace(/\s+/g, '').toLowerCase()}`;
    }
  }
}

async function readFrom(path: string, position: number): Promise<Buffer> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= position) return Buffer.alloc(0);
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(size - position);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

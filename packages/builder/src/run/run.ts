import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BuilderError } from '../error.ts';
import type { Bind } from '../executor/enter.ts';
import { WORK_PATH } from '../executor/environment.ts';
import type { Root } from '../executor/executor.ts';
import { LineSplitter } from '../executor/lines.ts';
import { printable } from '../executor/printable.ts';
import { supervise } from '../executor/supervise.ts';
import { type AppExit, appExit, consoleLine } from './console.ts';
import { type Forward, type Machine, machineArguments } from './machine.ts';
import { enterPlatform } from './machine-entry.ts';
import { Qmp } from './qmp.ts';
import { withRunFolder } from './run-folder.ts';
import { swtpmScript, TPM_LOG, TPM_SOCKET } from './swtpm.ts';
import type { TpmBank } from './tpm-algorithm.ts';
import { readTpmLog } from './tpm-log.ts';
import type { TpmView } from './tpm-view.ts';

export interface RunOptions {
  /** The locked root with QEMU, swtpm and OVMF. */
  readonly root: Root;
  /** The raw disk on the host; the guest can't write to it. */
  readonly disk: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly accelerator: 'kvm' | 'tcg';
  readonly tpmInterface?: 'crb' | 'tis';
  /** Active PCR banks; `sha256` alone by default, since each costs the firmware time. */
  readonly banks?: readonly TpmBank[];
  /** Files on the host; the root's own OVMF without Secure Boot by default. */
  readonly firmware?: { readonly code: string; readonly variables: string };
  /** System management mode, which firmware that enforces Secure Boot needs. */
  readonly smm?: boolean;
  /** A user-mode network; absent: no network card. With forwards the machine uses the host's network. */
  readonly network?: { readonly forwards: readonly Forward[] };
  readonly timeoutSeconds: number;
  /** Each line of the console, fit for a terminal. */
  readonly onConsole?: (line: string) => void;
  /** The console's bytes as the guest wrote them. */
  readonly onRawConsole?: (bytes: Uint8Array) => void;
  /** Stops the machine; the result then holds what happened until then. */
  readonly signal?: AbortSignal;
}

/** How the machine ended. */
export type MachineEnd = 'poweroff' | 'reboot' | 'panic' | 'timeout' | 'stopped' | 'unknown';

export interface RunResult {
  readonly end: MachineEnd;
  /** Lines of the console, fit for a terminal; the oldest are dropped above 50,000. */
  readonly console: readonly string[];
  readonly appExit: AppExit | undefined;
  readonly seconds: number;
  /** What the TPM received, by its own log. */
  readonly tpm: TpmView;
}

const MAX_CONSOLE_LINES = 50_000;
/** Longer than QEMU needs to end when it is asked to. */
const GRACE_SECONDS = 5;
const CODE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** Paths inside the root. */
const OWN_DISK = '/src/disk';
const OWN_CODE = '/src/code.fd';
const OWN_VARIABLES = '/src/variables.fd';
const QMP_SOCKET = 'qmp.sock';

/**
 * Boots a disk in the locked QEMU with the locked firmware and software TPM, in namespaces of their own, until the
 * machine powers off, resets or runs out of time. Nothing of it is left when this resolves or throws. Throws
 * `machine-failed`, with QEMU's last lines, where the machine could not be run.
 */
export async function runImage(options: RunOptions): Promise<RunResult> {
  await stat(options.disk).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read the disk "${options.disk}"`, { cause });
  });
  return await withRunFolder((folder) => runIn(folder, options));
}

async function runIn(folder: string, options: RunOptions): Promise<RunResult> {
  const command = await enterPlatform({
    rootPath: options.root.path,
    folder,
    binds: hostFiles(options),
    network: options.network !== undefined && options.network.forwards.length > 0 ? 'host' : 'none',
    script: runScript(options),
    args: machineArguments(machineOf(options)),
  });

  const lines: string[] = [];
  const console = new LineSplitter((raw) => {
    const line = consoleLine(raw);
    lines.push(line);
    if (lines.length > MAX_CONSOLE_LINES) lines.shift();
    options.onConsole?.(line);
  });
  const qmp = new Qmp();
  const opened = qmp.open(join(folder, QMP_SOCKET));
  let stoppedFor: 'timeout' | 'stopped' | undefined;
  const began = performance.now();
  try {
    const exit = await supervise(command, {
      onOutput: (chunk) => {
        options.onRawConsole?.(chunk);
        console.push(chunk);
      },
      guards: [
        async (stop) => {
          stoppedFor = await overtime(options, stop);
          if (stoppedFor === undefined) return undefined;
          // QEMU ends by itself if it still answers, and swtpm with it, so that its log is whole.
          if (qmp.quit()) await delay(GRACE_SECONDS * 1000, undefined, { signal: stop }).catch(() => {});
          return stop.aborted ? undefined : stoppedFor;
        },
      ],
    });
    console.end();
    const end = stoppedFor ?? endOf(qmp.shutdownReason);
    if (stoppedFor === undefined && (exit.code !== 0 || !exit.entered)) throw await failure(folder, lines);
    return {
      end,
      console: lines,
      appExit: appExit(lines),
      seconds: (performance.now() - began) / 1000,
      tpm: await readTpmLog(join(folder, TPM_LOG)),
    };
  } finally {
    qmp.close();
    await opened;
  }
}

/** Ends when the time is over or the caller has enough. */
async function overtime(options: RunOptions, stop: AbortSignal): Promise<'timeout' | 'stopped' | undefined> {
  const ended = AbortSignal.any([stop, ...(options.signal === undefined ? [] : [options.signal])]);
  if (options.signal?.aborted) return 'stopped';
  try {
    await delay(Math.min(options.timeoutSeconds * 1000, 2 ** 31 - 1), undefined, { signal: ended });
    return 'timeout';
  } catch {
    return options.signal?.aborted && !stop.aborted ? 'stopped' : undefined;
  }
}

function runScript(options: RunOptions): string {
  const variables = options.firmware === undefined ? VARIABLES : OWN_VARIABLES;
  // QEMU's own words go to a file: standard output is the guest's console and nothing else.
  return `${swtpmScript(WORK_PATH, options.banks ?? ['sha256'])}
cp ${variables} variables.fd && chmod 600 variables.fd
code=0
qemu-system-x86_64 "$@" 2> qemu.log || code=$?
tries=0
while kill -0 $tpm 2> /dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.02; done
exit $code`;
}

function machineOf(options: RunOptions): Machine {
  return {
    accelerator: options.accelerator,
    vcpus: options.vcpus,
    memoryMib: Math.floor(options.memoryBytes / 2 ** 20),
    firmwareCode: options.firmware === undefined ? CODE : OWN_CODE,
    firmwareVariables: `${WORK_PATH}/variables.fd`,
    disk: OWN_DISK,
    ...(options.smm ? { smm: true } : {}),
    tpm: { interface: options.tpmInterface ?? 'crb', socket: `${WORK_PATH}/${TPM_SOCKET}` },
    ...(options.network === undefined ? {} : { network: options.network }),
    qmpSocket: `${WORK_PATH}/${QMP_SOCKET}`,
  };
}

function hostFiles({ disk, firmware, accelerator }: RunOptions): Bind[] {
  const binds: Bind[] = [{ kind: 'file', access: 'ro', inside: OWN_DISK, host: disk }];
  if (firmware !== undefined) {
    binds.push({ kind: 'file', access: 'ro', inside: OWN_CODE, host: firmware.code });
    binds.push({ kind: 'file', access: 'ro', inside: OWN_VARIABLES, host: firmware.variables });
  }
  if (accelerator === 'kvm') {
    binds.push({ kind: 'dev', access: 'rw', inside: '/dev/kvm', host: '/dev/kvm' });
  }
  return binds;
}

/** ShutdownCause of QEMU's QMP reference. */
const ENDS: Readonly<Record<string, MachineEnd>> = {
  'guest-shutdown': 'poweroff',
  'guest-reset': 'reboot',
  'guest-panic': 'panic',
};

function endOf(reason: string | undefined): MachineEnd {
  return ENDS[reason ?? ''] ?? 'unknown';
}

async function failure(folder: string, lines: readonly string[]): Promise<BuilderError> {
  const log = await readFile(join(folder, 'qemu.log'), 'utf8').catch(() => '');
  const said = log.split('\n').filter((line) => line !== '');
  const port = said.find((line) => line.includes('Could not set up host forwarding rule'));
  return new BuilderError('machine-failed', 'The virtual machine could not be run', {
    hint:
      port === undefined
        ? 'See the last lines of QEMU below'
        : 'A port that the platform forwards is in use on this machine: change "forward" or free the port',
    details: [...lines.slice(-10), ...said.slice(-10)].map(printable),
  });
}

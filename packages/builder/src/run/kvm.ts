import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Root } from '../executor/executor.ts';
import { supervise, timeGuard } from '../executor/supervise.ts';
import { enterPlatform } from './machine-entry.ts';
import { withRunFolder } from './run-folder.ts';

/** What was found out about this machine's KVM. */
export interface KvmVerdict {
  readonly works: boolean;
  readonly reason: string;
}

/** Firmware under a working KVM writes to the serial port within one second. */
const PROBE_SECONDS = 8;

/**
 * A machine without disk and TPM, whose firmware must reach its console. Some hosts offer a /dev/kvm that can't
 * run firmware at all (nested, without unrestricted guest mode): only a try tells.
 */
const PROBE = `cp /usr/share/OVMF/OVMF_VARS_4M.fd vars.fd && chmod 600 vars.fd
exec qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35,accel=kvm -cpu host \\
  -m 128 -drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \\
  -drive if=pflash,unit=1,format=raw,file=vars.fd -serial stdio -monitor none 2> qemu.log`;

/**
 * Whether KVM runs firmware here. The verdict is kept in `cacheDir` for this kernel and this QEMU, since finding
 * out takes seconds where it fails.
 */
export async function probeKvm(root: Root, cacheDir?: string): Promise<KvmVerdict> {
  const denied = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (denied === 'ENOENT') return { works: false, reason: 'there is no /dev/kvm' };
  if (denied !== undefined) return { works: false, reason: '/dev/kvm is not open to this user' };

  const key = `${release()} ${root.digest} ${createHash('sha256').update(PROBE).digest('hex')}`;
  const kept = await readVerdict(cacheDir, key);
  if (kept !== undefined) return kept;
  const verdict = await bootProbe(root);
  await keepVerdict(cacheDir, key, verdict);
  return verdict;
}

async function bootProbe(root: Root): Promise<KvmVerdict> {
  return await withRunFolder(async (folder) => {
    const command = await enterPlatform({
      rootPath: root.path,
      folder,
      binds: [{ kind: 'dev', access: 'rw', inside: '/dev/kvm', host: '/dev/kvm' }],
      network: 'none',
      script: PROBE,
      args: [],
    });
    const spoke = new AbortController();
    const exit = await supervise(command, {
      onOutput: () => spoke.abort(),
      signal: spoke.signal,
      guards: [timeGuard(PROBE_SECONDS, 'silent'), (stop) => internalError(join(folder, 'qemu.log'), stop)],
    });
    if (spoke.signal.aborted && exit.entered) return { works: true, reason: 'firmware started under KVM' };
    const log = await readFile(join(folder, 'qemu.log'), 'utf8').catch(() => '');
    return { works: false, reason: `KVM does not run firmware: ${log.split('\n')[0] || 'no output'}` };
  });
}

/** QEMU reports a failure of KVM and then keeps the machine paused. */
async function internalError(log: string, stop: AbortSignal): Promise<string | undefined> {
  while (!stop.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    if ((await readFile(log, 'utf8').catch(() => '')).includes('KVM internal error')) return 'internal error';
  }
  return undefined;
}

async function readVerdict(cacheDir: string | undefined, key: string): Promise<KvmVerdict | undefined> {
  if (cacheDir === undefined) return undefined;
  try {
    const kept = JSON.parse(await readFile(join(cacheDir, 'kvm.json'), 'utf8'));
    return kept.key === key && typeof kept.works === 'boolean'
      ? { works: kept.works, reason: String(kept.reason) }
      : undefined;
  } catch {
    return undefined;
  }
}

async function keepVerdict(cacheDir: string | undefined, key: string, verdict: KvmVerdict): Promise<void> {
  if (cacheDir === undefined) return;
  await mkdir(cacheDir, { recursive: true });
  const file = join(cacheDir, `kvm.json.${process.pid}`);
  await writeFile(file, `${JSON.stringify({ key, ...verdict })}\n`);
  await rename(file, join(cacheDir, 'kvm.json'));
}

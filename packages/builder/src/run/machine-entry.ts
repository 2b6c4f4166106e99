import { readFile } from 'node:fs/promises';
import { mountOptions } from '../executor/diagnose.ts';
import { type Bind, type CommandLine, enterRoot } from '../executor/enter.ts';
import { WORK_PATH } from '../executor/environment.ts';
import { gatherIdentityFacts, isPrivileged } from '../executor/identity.ts';
import { MAX_TPM_LOG_BYTES } from './tpm-log.ts';

/**
 * The command line that runs a shell script in the platform root, with `folder` as its working folder. It runs as
 * the caller, who may be allowed to use /dev/kvm; root has no use for a host id of its own here.
 */
export async function enterPlatform(entry: {
  rootPath: string;
  folder: string;
  binds: readonly Bind[];
  network: 'none' | 'host';
  script: string;
  args: readonly string[];
}): Promise<CommandLine> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  const executable = !mountOptions(mountinfo, entry.folder).includes('noexec');
  return enterRoot({
    rootPath: entry.rootPath,
    binds: [{ kind: 'dir', access: 'rw', executable, inside: WORK_PATH, host: entry.folder }, ...entry.binds],
    network: entry.network,
    identity: { kind: 'caller', privileged: isPrivileged(await gatherIdentityFacts()) },
    env: { PATH: '/usr/bin:/usr/sbin', HOME: WORK_PATH, TMPDIR: '/tmp', LC_ALL: 'C', TZ: 'UTC' },
    // swtpm's log, the largest file that is written here, is refused above half of this.
    limits: { fileBytes: 2 * MAX_TPM_LOG_BYTES },
    procLimits: await readFile('/proc/self/limits', 'utf8'),
    command: ['/bin/sh', '-eu', '-c', entry.script, 'altee-run', ...entry.args],
  });
}

import { join } from 'node:path';
import type { Manifest } from '@altee/manifest';
import { compareRegisters, type RegisterComparison } from '@altee/measure';
import { type BuildOptions, type Built, buildAll } from './build.ts';
import { BuilderError } from './error.ts';
import { nativeHasher } from './platform/native-hasher.ts';
import { openProject } from './project.ts';
import { checkFileInPackage } from './root-file.ts';
import { type KvmVerdict, probeKvm } from './run/kvm.ts';
import type { Forward } from './run/machine.ts';
import { observedMeasurements, withoutDoubt } from './run/observed.ts';
import { type RunResult, runImage } from './run/run.ts';

export interface RunProjectOptions extends Omit<BuildOptions, 'outDir'> {
  /** A name under `platforms`; may be left out where there is only one that can be booted. */
  readonly platform?: string;
  readonly timeoutSeconds: number;
  readonly onConsole: (line: string) => void;
  /** Called when the machine is about to start. */
  readonly onStart?: (machine: { platform: string; accelerator: 'kvm' | 'tcg'; why: string }) => void;
}

export interface RunProjectResult {
  readonly platform: string;
  readonly machine: RunResult;
  readonly accelerator: 'kvm' | 'tcg';
  /** PCR 0 to 15, as predicted and as the TPM went through them. */
  readonly registers: readonly RegisterComparison[];
  /** True when every predicted register is equal, at least one is, and the TPM's log was understood whole. */
  readonly asPredicted: boolean;
}

type Platform = Manifest['platforms'][string];

/** `altee run`: builds what is missing, boots the disk, and compares the TPM's view with the prediction. */
export async function runProject(options: RunProjectOptions): Promise<RunProjectResult> {
  // Before all that takes long.
  const { manifest } = await openProject(options.manifestFile);
  const [name, platform] = choosePlatform(manifest, options.platform);
  const built = await buildAll(options);
  const root = await built.roots.get('platform');
  const kvm = await probeKvm(root, built.workshop.store.dir);
  const accelerator = kvm.works ? 'kvm' : 'tcg';
  options.onStart?.({ platform: name, accelerator, why: kvm.reason });
  const machine = await boot(built, name, platform, kvm, options);
  return { platform: name, machine, accelerator, ...compare(built, name, machine) };
}

async function boot(
  built: Built,
  name: string,
  platform: Platform,
  kvm: KvmVerdict,
  options: RunProjectOptions,
): Promise<RunResult> {
  const { manifest } = built.project;
  const root = await built.roots.get('platform');
  const locked = built.lock.platforms[name]?.firmware;
  if (!locked) throw new BuilderError('lock-invalid', `The lock has no firmware for platform "${name}"`);
  const firmware = {
    code: await checkFileInPackage(root, locked.code),
    variables: await checkFileInPackage(root, locked.vars),
  };
  return runImage({
    root,
    disk: join(built.dist.outDir, `${built.dist.name}.disk`),
    vcpus: platform.vcpus,
    memoryBytes: platform.memoryBytes,
    accelerator: kvm.works ? 'kvm' : 'tcg',
    tpmInterface: platform.tpm.interface,
    firmware,
    ...(manifest.network.mode === 'none' ? {} : { network: { forwards: platform.forward.map(tcpForward) } }),
    timeoutSeconds: options.timeoutSeconds,
    onConsole: options.onConsole,
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

function tcpForward({ host, guest }: Platform['forward'][number]): Forward {
  return { protocol: 'tcp', hostPort: host, guestPort: guest };
}

/** The platform to boot; only `qemu-tpm` can be booted here, without Secure Boot keys and with the locked firmware. */
function choosePlatform(manifest: Manifest, wanted: string | undefined): [string, Platform] {
  if (!manifest.outputs.includes('disk')) {
    throw new BuilderError('invalid-input', 'The manifest asks for no disk, which "altee run" boots', {
      hint: 'Add "disk" to "outputs"',
    });
  }
  const bootable = Object.entries(manifest.platforms).filter(([, { kind }]) => kind === 'qemu-tpm');
  const names = bootable.map(([name]) => `"${name}"`).join(', ') || 'none';
  const found =
    wanted === undefined && bootable.length === 1 ? bootable[0] : bootable.find(([name]) => name === wanted);
  if (!found) {
    const problem =
      wanted === undefined ? 'Which platform to run is not clear' : `No platform "${wanted}" that can be run`;
    throw new BuilderError('invalid-input', problem, {
      hint: `Give --platform; of this manifest's platforms altee can boot: ${names}`,
    });
  }
  const [, platform] = found;
  if (platform.secureBoot !== 'off' || platform.firmware !== 'debian') {
    throw new BuilderError(
      'invalid-input',
      `Platform "${found[0]}" can't be booted by this version of altee`,
      {
        hint: 'It boots the locked Debian firmware with Secure Boot off; other firmware and keys come later',
      },
    );
  }
  return found;
}

function compare(
  built: Built,
  name: string,
  machine: RunResult,
): Pick<RunProjectResult, 'registers' | 'asPredicted'> {
  const measured = built.platforms.get(name);
  if (!measured || !('prediction' in measured)) {
    throw new BuilderError('invalid-input', `Platform "${name}" has no prediction to compare with`);
  }
  const registers = withoutDoubt(
    compareRegisters(measured.prediction, observedMeasurements(machine.tpm), nativeHasher),
    machine.tpm,
  );
  const predicted = registers.filter(({ status }) => status !== 'not-predicted');
  return {
    registers,
    asPredicted:
      machine.tpm.uninterpreted.length === 0 &&
      predicted.length > 0 &&
      predicted.every(({ status }) => status === 'equal'),
  };
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@altee/manifest';
import { compareRegisters, findRegister, type RegisterComparison, withHostProcessor } from '@altee/measure';
import { type BuildOptions, type Built, buildAll } from './build.ts';
import { BuilderError } from './error.ts';
import { nativeHasher } from './platform/native-hasher.ts';
import { openProject } from './project.ts';
import { checkFileInPackage } from './root-file.ts';
import { type KvmVerdict, probeKvm } from './run/kvm.ts';
import type { Forward } from './run/machine.ts';
import { observedMeasurements, withoutDoubt } from './run/observed.ts';
import { type RunResult, runImage } from './run/run.ts';
import { makeVariableStore } from './secure-boot/variable-store.ts';

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
  if (platform.secureBoot !== 'off' && options.signedImage === undefined) {
    throw new BuilderError(
      'invalid-input',
      `Platform "${name}" enforces Secure Boot, and altee holds no keys to sign the image with`,
      {
        hint: 'Run "altee build", sign dist/<name>/<name>.efi with a key whose certificate is in "db", and give the result with --signed',
      },
    );
  }
  const built = await buildAll(options);
  checkStarts(built, name);
  const root = await built.roots.get('platform');
  const kvm = await probeKvm(root, built.workshop.store.dir);
  const accelerator = kvm.works ? 'kvm' : 'tcg';
  options.onStart?.({ platform: name, accelerator, why: kvm.reason });
  const machine = await boot(built, name, platform, kvm, options);
  return { platform: name, machine, accelerator, ...compare(built, name, machine, accelerator) };
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
  const code = await checkFileInPackage(root, locked.code);
  const empty = await checkFileInPackage(root, locked.vars);
  const { secureBoot } = platform;
  const temporary = await built.workshop.store.tempDir();
  try {
    const variables = secureBoot === 'off' ? empty : join(temporary.path, 'variables.fd');
    if (secureBoot !== 'off') {
      const store = await makeVariableStore(built.project.folder, secureBoot, await readFile(empty));
      await writeFile(variables, store);
    }
    return await runImage({
      root,
      disk: join(built.dist.outDir, `${built.dist.name}.disk`),
      vcpus: platform.vcpus,
      memoryBytes: platform.memoryBytes,
      accelerator: kvm.works ? 'kvm' : 'tcg',
      tpmInterface: platform.tpm.interface,
      firmware: { code, variables },
      smm: secureBoot !== 'off',
      ...(manifest.network.mode === 'none'
        ? {}
        : { network: { forwards: platform.forward.map(tcpForward) } }),
      timeoutSeconds: options.timeoutSeconds,
      onConsole: options.onConsole,
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } finally {
    await temporary.dispose();
  }
}

function tcpForward({ host, guest }: Platform['forward'][number]): Forward {
  return { protocol: 'tcp', hostPort: host, guestPort: guest };
}

/** Throws where the prediction says that the firmware would refuse the image: it would only wait for its time to end. */
function checkStarts({ platforms }: Built, name: string): void {
  const measured = platforms.get(name);
  const pcr7 = measured && 'prediction' in measured ? findRegister(measured.prediction, 'PCR7') : undefined;
  if (pcr7?.status === 'unpredictable')
    throw new BuilderError('invalid-input', `Platform "${name}" can't boot the image: ${pcr7.reason}`);
}

/** The platform to boot; only `qemu-tpm` can be booted here, with the locked firmware. */
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
  if (platform.command !== undefined) {
    throw new BuilderError('invalid-input', `Platform "${found[0]}" is started elsewhere, by its "command"`, {
      hint: 'Compare it with "altee explain --against"; "altee run" boots platforms without "command"',
    });
  }
  if (platform.firmware !== 'debian') {
    throw new BuilderError(
      'invalid-input',
      `Platform "${found[0]}" can't be booted by this version of altee`,
      {
        hint: 'It boots the locked Debian firmware; other firmware comes later',
      },
    );
  }
  return found;
}

function compare(
  built: Built,
  name: string,
  machine: RunResult,
  accelerator: 'kvm' | 'tcg',
): Pick<RunProjectResult, 'registers' | 'asPredicted'> {
  const measured = built.platforms.get(name);
  if (!measured || !('prediction' in measured)) {
    throw new BuilderError('invalid-input', `Platform "${name}" has no prediction to compare with`);
  }
  const registers = withoutDoubt(
    compareRegisters(
      accelerator === 'kvm' ? withHostProcessor(measured.prediction) : measured.prediction,
      observedMeasurements(machine.tpm),
      nativeHasher,
    ),
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

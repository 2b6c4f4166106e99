import { type OvmfRules, ovmfRules } from '../qemu/ovmf-rules.ts';
import { readStoredBootOptions, type StoredBootOption } from './boot-option-variables.ts';
import { type BootOptions, failingAttempts, predictBootOptions } from './boot-options.ts';
import type { PredictionContext } from './context.ts';
import { hasNoKeys } from './firmware.ts';
import type { BootDevice, QemuMachine } from './machine.ts';

/** The boot options that firmware makes of a machine's devices and of its variable store. */
export function machineBootOptions(
  context: PredictionContext,
  rules: OvmfRules,
  { bootDevices, directBoot }: QemuMachine,
): BootOptions {
  const devices = describeBootDisk(context, bootDevices);
  return predictBootOptions(rules, devices, directBoot, storedOptions(context));
}

/**
 * How often firmware tries to boot something else before the image's disk, in vain: `undefined` where the machine would
 * have to be known for it. The image's disk is the first device in the boot order.
 */
export function attemptsBeforeImage(context: PredictionContext): number | undefined {
  if (storedOptions(context).length === 0) return 0;
  const { qemu, firmware } = context.machine;
  const rules = ovmfRules(firmware?.codeSha256);
  if (!rules || !qemu) return undefined;
  const devices = describeBootDisk(context, qemu.bootDevices);
  return failingAttempts(machineBootOptions(context, rules, qemu), devices);
}

function storedOptions({ machine: { firmware } }: PredictionContext): StoredBootOption[] {
  return firmware?.vars && !hasNoKeys(firmware) ? readStoredBootOptions(firmware.vars) : [];
}

/** A disk that is one file system has another description; the boot disk is the first that firmware tries. */
function describeBootDisk({ gpt }: PredictionContext, devices: readonly BootDevice[]): readonly BootDevice[] {
  const disks = devices.filter(({ kind }) => kind === 'disk');
  const last = Number.POSITIVE_INFINITY;
  const [first] = disks.toSorted((a, b) => (a.bootIndex ?? last) - (b.bootIndex ?? last));
  if (gpt !== 'none' || first?.fileSystemDescription === undefined) return devices;
  const described = { ...first, description: first.fileSystemDescription };
  return devices.map((device) => (device === first ? described : device));
}

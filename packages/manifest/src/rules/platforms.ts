import type { Platform, PlatformKind } from '../schema/platform.ts';
import { type Objection, rule } from './rule.ts';

type Option =
  | 'vcpus'
  | 'memory'
  | 'firmware'
  | 'secureBoot'
  | 'tpm'
  | 'command'
  | 'snp'
  | 'tdx'
  | 'forward'
  | 'log';

/** What each kind of platform lets one choose; the rest is the provider's. */
const options: Readonly<Record<PlatformKind, readonly Option[]>> = {
  'qemu-tpm': ['vcpus', 'memory', 'firmware', 'secureBoot', 'tpm', 'command', 'forward'],
  'qemu-tdx': ['vcpus', 'memory', 'firmware', 'tdx', 'log', 'forward'],
  'qemu-snp': ['vcpus', 'memory', 'firmware', 'snp', 'forward'],
  'aws-nitrotpm': ['vcpus', 'memory', 'secureBoot'],
  'gcp-tdx': ['vcpus', 'memory', 'tdx', 'log'],
  'reference-log': ['log'],
};

const allOptions: readonly Option[] = [...new Set(Object.values(options).flat())];

/** A kernel without this feature does not start on the platform. */
const neededFeature: Readonly<Partial<Record<PlatformKind, string>>> = {
  'qemu-tdx': 'tdx',
  'gcp-tdx': 'tdx',
  'qemu-snp': 'snp',
};

const MiB = 2 ** 20;
/** The firmware hangs below this with the smallest image. */
const LEAST_MEMORY = 64 * MiB;

/** An option that the kind doesn't have would be silently without effect. */
export const platformOptionsFitKind = rule(['platforms'], ({ platforms }, isWritten) =>
  each(platforms, (name, { kind }) =>
    allOptions
      .filter((option) => !options[kind].includes(option) && isWritten('platforms', name, option))
      .map((option) => ({
        path: ['platforms', name, option],
        message: `A platform of kind "${kind}" has no "${option}"`,
        advice: `Delete it; "${kind}" has ${options[kind].join(', ')}`,
      })),
  ),
);

/** A command line says all of the machine; another word beside it would be silently without effect. */
export const commandIsAlone = rule(['platforms'], ({ platforms }, isWritten) =>
  each(platforms, (name, { command }) =>
    command === undefined
      ? []
      : (['vcpus', 'memory', 'tpm', 'forward'] as const)
          .filter((option) => isWritten('platforms', name, option))
          .map((option) => ({
            path: ['platforms', name, option],
            message: `"platforms.${name}" has both "command" and "${option}"`,
            advice: 'Delete one of them; the command line says the whole machine',
          })),
  ),
);

/** A reference log is nothing without the log. */
export const referenceLogHasLog = rule(['platforms'], ({ platforms }) =>
  each(platforms, (name, { kind, log }) => {
    if (kind !== 'reference-log' || log !== undefined) return [];
    const message = `"platforms.${name}.log" is missing`;
    return [{ path: ['platforms', name], message, advice: 'Write log: { path: …, sha256: sha256:… }' }];
  }),
);

/** Confidential guests need a kernel that is made for them. */
export const platformHasFeature = rule(['platforms', 'kernel'], ({ platforms, kernel }) =>
  each(platforms, (name, { kind }) => {
    const feature = neededFeature[kind];
    if (feature === undefined || kernel.features.includes(feature)) return [];
    const message = `The platform "${name}" is of kind "${kind}", and the kernel has no feature "${feature}"`;
    return [{ path: ['platforms', name, 'kind'], message, advice: `Add ${feature} to "kernel.features"` }];
  }),
);

/** A port of the host can go to one place. */
export const hostPortsAreUnique = rule(['platforms'], ({ platforms }) =>
  each(platforms, (name, { forward }) =>
    forward.flatMap(({ host }, index) => {
      if (forward.findIndex((other) => other.host === host) === index) return [];
      const message = `The host port ${host} is forwarded twice in "platforms.${name}.forward"`;
      return [
        { path: ['platforms', name, 'forward', index, 'host'], message, advice: 'Choose another port' },
      ];
    }),
  ),
);

/** Forwarding needs a network in the image. */
export const forwardHasNetwork = rule(['platforms', 'network'], ({ platforms, network }) =>
  each(platforms, (name, { forward }) => {
    if (network.mode !== 'none' || forward.length === 0) return [];
    const message = 'Ports are forwarded to the image, and the network mode is "none"';
    return [{ path: ['platforms', name, 'forward'], message, advice: 'Write network: { mode: dhcp }' }];
  }),
);

/** Less memory than firmware and kernel need makes a boot that hangs. */
export const memoryIsEnough = rule(['platforms'], ({ platforms }) =>
  each(platforms, (name, { memoryBytes }) => {
    const path = ['platforms', name, 'memory'];
    if (memoryBytes < LEAST_MEMORY) {
      return [{ path, message: `"platforms.${name}.memory" must be at least 64MiB` }];
    }
    if (memoryBytes % MiB === 0) return [];
    const advice = `Write ${Math.ceil(memoryBytes / MiB)}MiB`;
    return [{ path, message: `"platforms.${name}.memory" must be whole MiB`, advice }];
  }),
);

function each(
  platforms: Readonly<Record<string, Platform>>,
  check: (name: string, platform: Platform) => Objection[],
): Objection[] {
  return Object.entries(platforms).flatMap(([name, platform]) => check(name, platform));
}

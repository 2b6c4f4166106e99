import { BuilderError } from '../error.ts';

/** A final kernel configuration: symbols without `CONFIG_`, values as written. What is not set is absent. */
export type KernelConfig = ReadonlyMap<string, string>;

const setLine = /^CONFIG_([A-Za-z0-9_]+)=(y|m|n|-?[0-9]+|0x[0-9a-fA-F]+|".*")$/;

/**
 * Parses the `.config` that kbuild wrote.
 *
 * @throws BuilderError `kernel-config` at the first line that kbuild would not have written
 */
export function parseKernelConfig(text: string): KernelConfig {
  const config = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const set = setLine.exec(line);
    if (!set) {
      throw new BuilderError(
        'kernel-config',
        `Cannot parse line ${index + 1} of the kernel configuration: "${line.slice(0, 80)}"`,
      );
    }
    config.set(set[1] ?? '', set[2] ?? '');
  }
  return config;
}

/** The value of a symbol; what is not in the configuration is `n`. */
export function configValue(config: KernelConfig, symbol: string): string {
  return config.get(symbol) ?? 'n';
}

/**
 * The version that the configuration is for, from the header that kbuild writes.
 *
 * @throws BuilderError `kernel-config` where there is none
 */
export function kernelVersion(text: string): string {
  const version = /^# Linux\/x86 (\d+\.\d+(?:\.\d+)?\S*) Kernel Configuration$/m.exec(
    text.slice(0, 1024),
  )?.[1];
  if (version === undefined) {
    throw new BuilderError('kernel-config', 'The kernel configuration does not say which version it is for');
  }
  return version;
}

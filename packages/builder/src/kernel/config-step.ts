import type { Root, Step, StepInput } from '../executor/executor.ts';
import type { ConfigOption } from './fragment.ts';

/** Arguments that every call of kbuild has. Both calls must agree: a tool's version is part of the configuration. */
export const kbuildArguments = '-C /src/kernel O=/build/out ARCH=x86 LLVM=-19';

/** The request as kbuild reads it: `KCONFIG_ALLCONFIG` of `allnoconfig`. */
export function encodeRequest(options: Iterable<ConfigOption>): string {
  return [...options].map(({ symbol, value }) => `CONFIG_${symbol}=${value}\n`).join('');
}

/**
 * Makes the final configuration: everything off (`allnoconfig`) but what the request says. Leaves in `$OUT`:
 * `config`, and `symbols`, the names of all symbols that the source knows, one a line, sorted.
 */
export function kernelConfigStep(root: Root, source: StepInput, request: string): Step {
  return {
    name: 'Configure the kernel',
    root,
    script: `mkdir /build/out
cat > /build/request <<'END_OF_REQUEST'
${request}END_OF_REQUEST
make ${kbuildArguments} KCONFIG_ALLCONFIG=/build/request allnoconfig
cp /build/out/.config "$OUT/config"
find /src/kernel -name 'Kconfig*' -type f -exec sed -n -E 's/^[[:space:]]*(menu)?config[[:space:]]+([A-Za-z0-9_]+)[[:space:]]*$/\\2/p' {} + | sort -u > "$OUT/symbols"
`,
    env: {},
    inputs: { kernel: source },
    limits: { seconds: 600, outputBytes: 2 ** 24, processes: 1024 },
  };
}

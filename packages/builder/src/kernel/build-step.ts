import { createHash } from 'node:crypto';
import type { Root, Step, StepInput } from '../executor/executor.ts';
import { kbuildArguments } from './config-step.ts';

/**
 * The seed of RANDSTRUCT, 64 hex digits. It depends on the final configuration and the version alone, so that
 * images with the same kernel share one, and it is public: whoever has the image can compute the layouts. What it
 * buys is that an exploit made for another kernel does not fit this one.
 */
export function randstructSeed(version: string, config: string): string {
  return createHash('sha256').update(`altee randstruct ${version}\n${config}`).digest('hex');
}

/**
 * Builds `bzImage` into `$OUT`, from a configuration that kbuild made and that must not change on the way.
 *
 * Everything that kbuild would take from its surroundings is fixed: user, host, build number, time stamp, the paths
 * of source and output, and the seed that scripts/gen-randstruct-seed.sh would read from /dev/urandom. (A seed file
 * put in place beforehand is overwritten, so the script itself is replaced.)
 */
export function kernelBuildStep(root: Root, source: StepInput, config: StepInput, seed: string): Step {
  return {
    name: 'Build the kernel',
    root,
    script: `mkdir /build/out
cp /src/config /build/out/.config
cat > /build/seed.sh <<'END_OF_SCRIPT'
#!/bin/sh -eu
echo "$RANDSTRUCT_SEED" > "$1"
hash=$(printf %s "$RANDSTRUCT_SEED" | sha256sum)
echo "#define RANDSTRUCT_HASHED_SEED \\"\${hash%% *}\\"" > "$2"
END_OF_SCRIPT
chmod +x /build/seed.sh
make -j"$JOBS" ${kbuildArguments} \\
  OBJDUMP=objdump LOCALVERSION= gen-randstruct-seed=/build/seed.sh \\
  KBUILD_BUILD_USER=altee KBUILD_BUILD_HOST=altee KBUILD_BUILD_VERSION=1 \\
  KBUILD_BUILD_TIMESTAMP="$(date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %e %H:%M:%S UTC %Y')" \\
  bzImage
cmp /src/config /build/out/.config
cp /build/out/arch/x86/boot/bzImage "$OUT/bzImage"
`,
    env: { RANDSTRUCT_SEED: seed },
    inputs: { kernel: source, config },
    limits: { seconds: 4 * 3600, outputBytes: 2 ** 27, processes: 4096 },
  };
}

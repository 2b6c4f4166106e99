import type { Root } from '../../src/executor/executor.ts';

/** A toolchain root for tests that run steps, or undefined where none is given. */
export function testRoot(): Root | undefined {
  return given('ALTEE_TEST_ROOT');
}

/** A root with QEMU, swtpm and OVMF for tests that boot, or undefined where none is given. */
export function testPlatformRoot(): Root | undefined {
  return given('ALTEE_TEST_PLATFORM_ROOT');
}

function given(variable: string): Root | undefined {
  const path = process.env[variable];
  return path === undefined ? undefined : { digest: `sha256:${'0'.repeat(64)}`, path };
}

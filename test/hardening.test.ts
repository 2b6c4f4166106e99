import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sourceTree } from '../packages/builder/src/app/source-tree.ts';
import type { Step } from '../packages/builder/src/executor/executor.ts';
import { runStep } from '../packages/builder/src/executor/run-step.ts';
import { writeDisk } from '../packages/builder/src/image/disk.ts';
import { buildInitramfs, initramfsEntries } from '../packages/builder/src/image/initramfs.ts';
import { osRelease } from '../packages/builder/src/image/os-release.ts';
import { assembleUki } from '../packages/builder/src/image/uki.ts';
import { buildImage } from '../packages/builder/src/image-parts.ts';
import { hardeningCheck } from '../packages/builder/src/kernel/hardening-check.ts';
import { checkFileInPackage } from '../packages/builder/src/root-file.ts';
import { runImage } from '../packages/builder/src/run/run.ts';
import { type ExampleContext, exampleContext } from './support/context.ts';
import type { Example } from './support/examples.ts';
import { judgesRoot } from './support/judges.ts';

/**
 * kernel-hardening-checker, which others write, over the kernel configuration and command line of an example and the
 * sysctls that its kernel shows when PID 1's code has set them.
 */
let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-hardening-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe.each([
  ['hello', { network: true, kernelFailures: 5 }],
  ['static-c', { network: false, kernelFailures: 9 }],
] as const)('the hardening of %s', (name, { network, kernelFailures }) => {
  it(`fails ${kernelFailures} kernel checks, each with a reason, and none of command line and sysctls`, async () => {
    const context = await exampleContext(name);
    const { kernel } = await buildImage(context);
    const verdict = await hardeningCheck(
      { ...context.workshop, executor: context.executor, root: await judgesRoot(context.workshop) },
      {
        line: context.lock.kernel.line,
        config: kernel.config,
        cmdline: kernel.cmdline,
        sysctls: await bootedSysctls(name, context),
        aspects: { network, initOnFree: true, exceptions: [] },
      },
    );
    // Without an IP stack its settings don't exist: that is stricter than any value, which the checker can't know.
    const counts = ({ option }: { option: string }) => network || !/^net\.ipv[46]\./.test(option);
    const failed = verdict.checks.filter((check) => !check.passed && counts(check));
    const options = (type: string) =>
      failed.filter((check) => check.type === type).map(({ option }) => option);
    expect(options('cmdline')).toEqual([]);
    expect(options('sysctl')).toEqual([]);
    expect(options('kconfig')).toHaveLength(kernelFailures);
    expect(verdict.unexplained.filter(counts)).toEqual([]);
    expect(verdict.stale).toEqual([]);
    expect(verdict.checks.filter(({ type }) => type === 'sysctl').length).toBeGreaterThan(20);
  });
});

/** Boots the example's kernel with the program of `fixtures/sysctl-dump` as PID 1. */
async function bootedSysctls(name: Example, context: ExampleContext): Promise<string> {
  const { workshop, roots, executor, lock, project } = context;
  const { kernel } = await buildImage(context);
  const root = await roots.get('image');
  const init = join(await runStep(executor, workshop.store, await dumpStep(context), workshop), 'init');
  const entries = initramfsEntries({ init, config: new Uint8Array(), app: [] });
  const initramfs = await buildInitramfs({ executor, root, ...workshop }, entries);
  const uki = await assembleUki(
    { executor, root, ...workshop },
    {
      stub: await checkFileInPackage(root, lock.stub),
      kernel: kernel.bzImage,
      initrd: initramfs.path,
      osRelease: osRelease(project.manifest),
      cmdline: kernel.cmdline,
    },
  );
  const disk = join(base, `${name}.disk`);
  await writeDisk({ efi: uki.path, out: disk });
  const { console } = await runImage({
    root: await roots.get('platform'),
    disk,
    vcpus: 1,
    memoryBytes: 256 * 2 ** 20,
    accelerator: 'tcg',
    timeoutSeconds: 120,
  });
  expect(console.join('\n')).toContain('sysctl-dump: done');
  return console
    .flatMap((line) => (line.startsWith('sysctl ') ? [line.slice('sysctl '.length)] : []))
    .join('\n');
}

async function dumpStep({ roots, workshop }: ExampleContext): Promise<Step> {
  const repository = new URL('..', import.meta.url).pathname;
  return {
    name: 'Build sysctl-dump',
    root: await roots.get('guest'),
    script: `mkdir -p /build/go/src/altee
cp -a /src/guest /build/go/src/altee/guest
cp -a /src/dump /build/go/src/altee/dump
cd /build/go/src/altee/dump
CGO_ENABLED=0 GO111MODULE=off GOPATH=/build/go GOCACHE=/build/cache go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$OUT/init" .
`,
    env: {},
    inputs: {
      guest: await sourceTree(workshop.store, join(repository, 'guest')),
      dump: await sourceTree(workshop.store, join(repository, 'test/fixtures/sysctl-dump')),
    },
    limits: { seconds: 900, outputBytes: 2 ** 30, processes: 4096 },
  };
}

import {
  type BuiltKernel,
  buildKernel,
  type KernelInput,
} from '../../packages/builder/src/kernel/build-kernel.ts';
import type { ExampleContext } from '../support/context.ts';

/** The example's kernel as its manifest asks for it, but for the hardening if that is left out. */
export async function exampleKernel(
  context: ExampleContext,
  { hardening }: { readonly hardening: boolean },
): Promise<BuiltKernel> {
  const { executor, roots, workshop } = context;
  return buildKernel(
    { executor, root: await roots.get('kernel'), ...workshop },
    kernelInput(context, hardening),
  );
}

/** What the image's kernel is built from; its source has to be in the store. */
export function kernelInput({ project, lock, workshop }: ExampleContext, hardening: boolean): KernelInput {
  const { kernel, hardening: wishes, network } = project.manifest;
  const { sha256, version } = lock.kernel;
  return {
    line: lock.kernel.line,
    source: { path: workshop.store.filePath(sha256), sha256, version },
    request: {
      features: kernel.features,
      network: network.mode !== 'none',
      require: kernel.require,
      forbid: kernel.forbid,
      exceptions: wishes.exceptions,
      cmdline: kernel.cmdline,
      initOnFree: wishes.initOnFree,
      hardening,
    },
  };
}

import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { BuilderError } from '../../error.ts';
import type { Step, StepIo } from '../executor.ts';
import { stepBinds } from '../step-binds.ts';
import { type BuilderInput, enterScript } from './enter-script.ts';
import type { NixStore } from './nix-store.ts';

/** The argument of `nix/step.nix`, which describes its fields. */
export interface BuildRequest {
  readonly name: string;
  readonly root: string;
  readonly inputs: readonly string[];
  readonly copies: readonly { readonly name: string; readonly seconds: number; readonly path: string }[];
  readonly enter: string;
  readonly outputBytes: number;
  readonly run?: string;
}

/**
 * Brings all that the step reads into the Nix store and describes the derivation. Steps that are equal give equal
 * requests on every machine; with `fresh`, no two requests are equal.
 */
export async function buildRequest(
  step: Step,
  io: StepIo,
  store: NixStore,
  fresh: boolean,
): Promise<BuildRequest> {
  if ([step.script, ...Object.values(step.env)].some((text) => text.includes('\0'))) {
    throw new BuilderError('invalid-input', `Step "${step.name}" has a NUL in its script or environment`);
  }
  // Checks the inputs' names, and that they are there.
  await stepBinds(step, io);
  const { root } = step;
  const rootPath = await store.add('altee-root', root.path, root.digest, io.signal);
  const inputs: BuilderInput[] = [];
  const storePaths: string[] = [];
  const copies: { name: string; seconds: number; path: string }[] = [];
  for (const [name, { path, digest }] of Object.entries(step.inputs)) {
    const found = await stat(path);
    const kind = found.isDirectory() ? 'dir' : 'file';
    const storePath = await store.add('altee-input', path, digest, io.signal);
    storePaths.push(storePath);
    // Nix has taken the writable bits, and a step that copies its input counts on them.
    const isWritable = (found.mode & 0o200) !== 0;
    if (isWritable) copies.push({ name, seconds: Math.floor(found.mtimeMs / 1000), path: storePath });
    inputs.push({ name, kind, storePath: isWritable ? undefined : storePath });
  }
  return {
    name: `altee-${step.name.replace(/[^A-Za-z0-9]+/g, '-').toLowerCase()}`.slice(0, 100),
    root: rootPath,
    inputs: storePaths,
    copies,
    enter: enterScript(step, inputs),
    outputBytes: step.limits.outputBytes,
    ...(fresh ? { run: randomUUID() } : {}),
  };
}

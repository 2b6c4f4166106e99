import { checkRoot } from '../check-root.ts';
import type { Bind } from '../enter.ts';
import { SOURCE_PATH } from '../environment.ts';
import type { Executor, Root, Step, StepIo } from '../executor.ts';
import { probe } from '../probe.ts';
import { stepBinds } from '../step-binds.ts';
import { command } from './command.ts';
import { createContainer, INPUTS_CONTAINER, removeContainer, stepContainer } from './container.ts';
import { type FoundEngine, findEngine } from './find-engine.ts';
import { removeLeftovers, startGuardian } from './leftovers.ts';
import { packTrees } from './pack-tree.ts';
import { rootImage } from './root-image.ts';
import { runContainer } from './run-container.ts';

export interface DockerOptions {
  /** `$JOBS` of every step; by default the processors of the engine's machine. */
  readonly jobs?: number;
  /** The client's environment, in which DOCKER_HOST and others name the engine; this process's by default. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The executor for machines that have Docker Engine or Podman but no user namespaces for their users, and for engines
 * on other machines (DOCKER_HOST). Files go in and out as archives through the client: the engine need not see our file
 * system, and nothing that it makes on it is somebody else's.
 */
export function dockerExecutor(options: DockerOptions = {}): Executor {
  const workshop = new DockerWorkshop(options);
  return {
    name: 'docker',
    check: (root) => probe(root, (step, io) => workshop.execute(step, io)),
    execute: (step, io) => workshop.execute(step, io),
  };
}

class DockerWorkshop {
  readonly #options: DockerOptions;
  #engine: Promise<FoundEngine> | undefined;
  readonly #images = new Map<string, Promise<string>>();

  constructor(options: DockerOptions) {
    this.#options = options;
  }

  async execute(step: Step, io: StepIo): Promise<void> {
    io.signal?.throwIfAborted();
    await checkRoot(step.root);
    // The first two are the step's own folders, which here are volumes.
    const inputs = (await stepBinds(step, io)).slice(2);
    const engine = await this.#find();
    const image = await orAborted(this.#image(engine, step.root), io.signal);
    const containers: string[] = [];
    try {
      const holder =
        inputs.length === 0 ? undefined : await holdInputs(engine, image, step, inputs, io.signal);
      if (holder !== undefined) containers.push(holder);
      const { options, run } = stepContainer(step, this.#options.jobs ?? engine.processors, holder);
      const container = await createContainer(engine, image, options, run, step.limits.seconds);
      containers.push(container);
      await runContainer({ engine, image, container }, step, io);
    } finally {
      // The last one made uses the volumes of the others.
      for (const container of containers.reverse()) await removeContainer(engine, container);
    }
  }

  /** Found, and tidied up, once. */
  #find(): Promise<FoundEngine> {
    this.#engine ??= (async () => {
      const engine = await findEngine(this.#options.env);
      await removeLeftovers(engine);
      startGuardian(engine);
      return engine;
    })();
    this.#engine.catch(() => {
      this.#engine = undefined;
    });
    return this.#engine;
  }

  /** Verified once for all the steps in the root. */
  #image(engine: FoundEngine, root: Root): Promise<string> {
    const key = `${root.digest} ${root.path}`;
    let image = this.#images.get(key);
    if (image === undefined) {
      image = rootImage(engine, root);
      image.catch(() => this.#images.delete(key));
      this.#images.set(key, image);
    }
    return image;
  }
}

/** The id of a container that never runs, with the inputs in a volume that the step's container sees read-only. */
async function holdInputs(
  engine: FoundEngine,
  image: string,
  step: Step,
  inputs: readonly Bind[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const { seconds } = step.limits;
  const holder = await createContainer(engine, image, INPUTS_CONTAINER, ['/bin/true'], seconds);
  try {
    const trees = inputs.map(({ host, inside }) => ({
      path: host,
      inside: inside.slice(SOURCE_PATH.length + 1),
    }));
    // Readable for the step's user whoever may read them here.
    const mode = (bits: number) => (bits & 0o777) | ((bits & 0o500) >> 3) | ((bits & 0o500) >> 6);
    const input = packTrees(trees, { mode: (found) => mode(found.mode) });
    await command(engine, ['cp', '-', `${holder}:${SOURCE_PATH}`], { input, signal, seconds: undefined });
    return holder;
  } catch (error) {
    await removeContainer(engine, holder);
    throw error;
  }
}

/** Waits for what others may wait for as well, but no longer than until `signal`. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const done = new AbortController();
  try {
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: done.signal });
    });
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    done.abort();
  }
}

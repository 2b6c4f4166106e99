import { BuilderError } from '../../error.ts';
import { printable } from '../printable.ts';
import { command, type Engine, runCommand } from './command.ts';
import { engineFailure, notInstalled } from './engine-error.ts';

/** Docker's client first; Podman's where that is not installed. */
const PROGRAMS = ['docker', 'podman'] as const;

/** Architecture, version and processors of the engine's machine, wherever that is, as a template of `info`. */
const FACTS = {
  docker: '{{.Architecture}} {{.ServerVersion}} {{.NCPU}}',
  podman: '{{.Host.Arch}} {{.Version.Version}} {{.Host.CPUs}}',
} as const;

/** The pinned roots hold programs for x86-64; the kernel's name for it and Go's. */
const ARCHITECTURES: readonly string[] = ['x86_64', 'amd64'];

/** Before these, seccomp profiles refuse clone3(2) with EPERM, and glibc 2.34 starts no thread (moby/moby#42681). */
const OLDEST = { docker: [20, 10, 10], podman: [4, 0, 0] } as const;

export interface FoundEngine extends Engine {
  /** Of the machine that the steps run on. */
  readonly processors: number;
}

/**
 * The container engine that this environment leads to, which answers. Throws `executor-unavailable` with cause and
 * remedy: none installed, not running, not allowed, of another architecture, too old.
 */
export async function findEngine(env: NodeJS.ProcessEnv = process.env): Promise<FoundEngine> {
  const engine = await findClient(env);
  const facts = await command(engine, ['info', '--format', FACTS[engine.kind]]);
  const [architecture = '', version = '', processors] = facts.trim().split(' ');
  if (!ARCHITECTURES.includes(architecture)) {
    throw unfit(
      `runs on ${printable(architecture) || 'an unknown machine'}`,
      "Use one on x86_64: the toolchain's programs are for it",
    );
  }
  const oldest = OLDEST[engine.kind];
  if (isOlder(version, oldest)) {
    throw unfit(
      `is ${engine.kind} ${printable(version)}`,
      `Its seccomp profile knows no clone3(2): take ${oldest.join('.')} or newer`,
    );
  }
  return { ...engine, processors: Math.max(1, Number(processors) || 1) };
}

function unfit(what: string, remedy: string): BuilderError {
  return new BuilderError('executor-unavailable', `Cannot use the container engine: it ${what}`, {
    hint: remedy,
  });
}

async function findClient(env: NodeJS.ProcessEnv): Promise<Engine> {
  for (const program of PROGRAMS) {
    const candidate: Engine = { program, kind: program, env };
    const exit = await runCommand(candidate, ['--version'], { seconds: 30 }).catch((error: unknown) => {
      if (error instanceof BuilderError) return undefined;
      throw error;
    });
    if (exit === undefined) continue;
    if (exit.code !== 0) throw engineFailure(candidate, ['--version'], exit);
    return { ...candidate, kind: /podman/i.test(exit.stdout) ? 'podman' : 'docker' };
  }
  throw notInstalled();
}

/** Whether a version such as `20.10.24+dfsg1` comes before another; an unreadable one doesn't. */
function isOlder(version: string, than: readonly number[]): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (numbers === undefined) return false;
  for (const [index, number] of numbers.entries()) {
    const other = than[index] ?? 0;
    if (number !== other) return number < other;
  }
  return false;
}

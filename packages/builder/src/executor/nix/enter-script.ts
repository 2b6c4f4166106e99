import { type Bind, enterRoot } from '../enter.ts';
import { OUT_PATH, stepCommand, stepEnvironment, WORK_PATH } from '../environment.ts';
import type { Step } from '../executor.ts';

/** A single file of a step's own working may be this large even where its output may not; as in the sandbox. */
const MIN_FILE_BYTES = 4 * 2 ** 30;

/** No argument of a program can hold a NUL: what stands behind one is a name of the builder, not text. */
const variable = (name: 'top' | 'out' | 'JOBS') => `\0{${name}}`;
const VARIABLE = /\0\{(top|out|JOBS)\}/g;

/** What a step reads: where it is inside the root, and where in the builder. */
export interface BuilderInput {
  readonly name: string;
  readonly kind: 'dir' | 'file';
  /** The store path, for an input that is shown as it is; the others are copied first. */
  readonly storePath: string | undefined;
}

/**
 * The shell text that becomes the step, for `nix/step.sh`, which runs it as root of a user namespace. It is the same
 * on every machine, so that the derivation is: what differs comes from the builder's variables `top` (its folder),
 * `out` (the output's store path) and `JOBS`.
 *
 * Everything after the overlay is the sandbox's own way into a root.
 */
export function enterScript(step: Step, inputs: readonly BuilderInput[]): string {
  const top = variable('top');
  const binds: Bind[] = [
    { kind: 'dir', access: 'rw', inside: WORK_PATH, host: `${top}/work` },
    { kind: 'dir', access: 'rw', inside: OUT_PATH, host: variable('out') },
    ...inputs.map(
      ({ name, kind, storePath }): Bind => ({
        kind,
        access: 'ro',
        inside: `/src/${name}`,
        host: storePath ?? `${top}/inputs/${name}`,
      }),
    ),
  ];
  const command = enterRoot({
    rootPath: `${top}/root`,
    binds,
    network: 'none',
    identity: { kind: 'caller', privileged: true },
    env: { ...stepEnvironment(step, 0), JOBS: variable('JOBS') },
    limits: {
      processes: step.limits.processes,
      fileBytes: Math.max(step.limits.outputBytes, MIN_FILE_BYTES),
    },
    // The limits of another machine, perhaps: not known here.
    procLimits: '',
    command: stepCommand(step),
  });
  const environment = Object.entries(command.env).map(([name, value]) => `${name}=${quote(value)}`);
  return `x() { tool=$1; shift; "$builder" --library-path "$libraries" "$root/usr/bin/$tool" "$@"; }
if ! x mount -t overlay -o "lowerdir=$top/directories:$root" altee-root "$top/root"; then
  echo 'altee needs overlay mounts in user namespaces: Linux 5.11 or later, with CONFIG_OVERLAY_FS'
  exit 1
fi
export ${environment.join(' ')}
exec ${[command.file, ...command.args].map(quote).join(' ')}
`;
}

/** One word of a shell (POSIX 2.2.2), with the builder's variables in it. */
function quote(text: string): string {
  const quoted = `'${text.replaceAll("'", `'\\''`)}'`;
  return quoted.replace(VARIABLE, (_, name) => `'"$${name}"'`);
}

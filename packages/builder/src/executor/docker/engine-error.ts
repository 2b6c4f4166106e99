import { BuilderError, type BuilderErrorCode } from '../../error.ts';
import { printable } from '../printable.ts';
import type { CommandExit, Engine } from './command.ts';

interface Cause {
  readonly when: RegExp;
  readonly code: BuilderErrorCode;
  readonly cause: string;
  readonly remedy: string;
}

/** What clients of Docker 20 to 29 and Podman 4 to 5 print, from the most to the least telling; the last row holds always. */
const CAUSES: readonly Cause[] = [
  {
    when: /no space left on device|disk quota exceeded/i,
    code: 'disk-full',
    cause: 'it has no space left on its disk',
    remedy:
      'Free some space where the engine runs: "docker system df" shows what takes it, "docker system prune" removes what is not in use',
  },
  {
    when: /permission denied while trying to connect|dial unix [^\n]*permission denied|connect: permission denied/i,
    code: 'executor-unavailable',
    cause: 'this user may not speak to it',
    remedy:
      'Add the user to the group "docker" and log in again (who is in it can become root), or use rootless Docker or Podman',
  },
  {
    when: /cannot connect to the docker daemon|is the docker daemon running|error during connect|connection refused|cannot connect to podman|unable to connect to podman|dial (?:unix|tcp)|no such host|i\/o timeout/i,
    code: 'executor-unavailable',
    cause: 'it is not running, or not where the client looks for it',
    remedy:
      'Start it (sudo systemctl start docker), or correct DOCKER_HOST or the context; "docker version" shows whether it answers',
  },
  {
    when: /context "[^"]*" (?:does not exist|not found)|context not found|unable to resolve docker endpoint|unable to parse docker host/i,
    code: 'executor-unavailable',
    cause: 'the client is set up for an engine that is not there',
    remedy: 'Correct DOCKER_HOST, DOCKER_CONTEXT or "docker context use"',
  },
  {
    when: /failed to register layer|layer does not exist|readlink [^\n]*overlay|unable to find image|no such image|image not known|content digest [^\n]*not found|error creating overlay mount|failed to mount|unexpected EOF in archive|input\/output error/i,
    code: 'executor-unavailable',
    cause: 'its image store is corrupted, or something removed an image in use',
    remedy:
      'Build again; if that fails too, remove the images (docker rmi --force $(docker images --quiet --filter label=altee.root)) and restart the engine',
  },
  {
    when: /No answer within/,
    code: 'executor-unavailable',
    cause: 'it hangs',
    remedy: 'Restart the engine',
  },
  {
    when: /(?:)/,
    code: 'executor-unavailable',
    cause: 'it refused a command',
    remedy: 'See the lines below; "--executor sandbox" needs no engine',
  },
];

/** The error of a command of the engine's client that failed; `details` are what the client said. */
export function engineFailure(
  engine: Pick<Engine, 'program' | 'env'>,
  args: readonly string[],
  exit: Pick<CommandExit, 'code' | 'stderr'>,
): BuilderError {
  const found = CAUSES.find(({ when }) => when.test(exit.stderr));
  const { code, cause, remedy } = found ?? { code: 'executor-unavailable' as const, cause: '', remedy: '' };
  const lines = exit.stderr.split('\n').filter((line) => line.trim() !== '');
  return new BuilderError(code, `Cannot use the container engine${placeOf(engine)}: ${cause}`, {
    hint: remedy,
    details: [
      `"${engine.program} ${args[0]}" ended with ${exit.code ?? 'a signal'}`,
      ...lines.slice(-10).map(printable),
    ],
  });
}

/** Neither client is there. */
export function notInstalled(): BuilderError {
  return new BuilderError(
    'executor-unavailable',
    'Cannot use the docker executor: neither "docker" nor "podman" is installed',
    {
      hint: 'Install Docker Engine (Debian: docker.io) or Podman, or build with "--executor sandbox", which needs neither',
    },
  );
}

/** Where the client looks for the engine, if the environment says so. */
function placeOf({ env }: Pick<Engine, 'env'>): string {
  const place = env['DOCKER_HOST'] ?? env['DOCKER_CONTEXT'] ?? env['CONTAINER_HOST'];
  return place === undefined || place === '' ? '' : ` at "${printable(place)}"`;
}

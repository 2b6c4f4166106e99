import { spawn } from 'node:child_process';
import { processIdentity } from '../../store/process-identity.ts';
import { CONTROL_SECONDS, command, type Engine, runCommand } from './command.ts';
import { isLeftover, OWNER_LABEL } from './labels.ts';

/** Removes the containers of altee's processes that are dead, with their volumes. */
export async function removeLeftovers(engine: Engine): Promise<void> {
  const ids = (
    await command(engine, ['ps', '--all', '--quiet', '--no-trunc', '--filter', `label=${OWNER_LABEL}`])
  )
    .split('\n')
    .filter((id) => id !== '');
  if (ids.length === 0) return;
  // One that another process removes meanwhile makes the command fail, but the others are told.
  const { stdout } = await runCommand(
    engine,
    ['inspect', '--type', 'container', '--format', '{{.Id}} {{json .Config.Labels}}', ...ids],
    { seconds: CONTROL_SECONDS },
  );
  const dead: string[] = [];
  for (const line of stdout.split('\n').filter((one) => one.includes(' {'))) {
    const [id = ''] = line.split(' ', 1);
    if (isLeftover(JSON.parse(line.slice(id.length)), new Date())) dead.push(id);
  }
  if (dead.length > 0)
    await runCommand(engine, ['rm', '--force', '--volumes', ...dead], { seconds: CONTROL_SECONDS });
}

/**
 * Asks twice, since a container may be in the making when its owner dies. `$1`: label of the owner, `$2` its value, `$0` the client.
 */
const GUARDIAN = `cat > /dev/null 2>&1
for pause in 0 3; do
  sleep $pause
  ids=$("$0" ps --all --quiet --filter "label=$1=$2")
  if [ -n "$ids" ]; then "$0" rm --force --volumes $ids; fi
done`;

/**
 * Starts a process that outlives this one, however it ends, and then removes the containers that it left: where a
 * sandbox dies with its parent, a container goes on. It waits for the end of its standard input.
 */
export function startGuardian(engine: Engine): void {
  const guardian = spawn('/bin/sh', ['-c', GUARDIAN, engine.program, OWNER_LABEL, processIdentity()], {
    env: engine.env,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Where there is no shell, the next altee removes what is left.
  guardian.on('error', () => {});
  guardian.stdin.on('error', () => {});
  guardian.unref();
  (guardian.stdin as unknown as { unref(): void }).unref();
}

import { BuilderError } from '../../error.ts';
import { diagnoseNamespaces, gatherNamespaceFacts } from '../diagnose.ts';
import { printable } from '../printable.ts';

interface Cause {
  readonly when: RegExp;
  readonly code: 'sandbox-unavailable' | 'disk-full' | 'store-corrupt';
  readonly cause: string;
  readonly remedy: string;
}

/** Nix's own messages (2.8 to 2.3x), from the most to the least telling. */
const CAUSES: readonly Cause[] = [
  {
    when: /No space left on device|Disk quota exceeded|database or disk is full/i,
    code: 'disk-full',
    cause: 'no space is left on the disk of the Nix store or of its build folder',
    remedy: 'Free some space (nix-collect-garbage), or let TMPDIR of the Nix daemon name a larger disk',
  },
  {
    when: /hash of path .* has changed|was modified! expected hash|is corrupted|database disk image is malformed/i,
    code: 'store-corrupt',
    cause: 'a path of the Nix store is not what Nix once put there',
    remedy:
      'Run "nix-store --verify --check-contents --repair", or delete the path with "nix-store --delete"',
  },
  {
    when: /cannot connect to (?:socket|daemon)|daemon-socket.*(?:refused|No such file)|cannot open connection to remote store 'daemon'/i,
    code: 'sandbox-unavailable',
    cause: 'the Nix daemon does not answer',
    remedy: 'Start it (sudo systemctl start nix-daemon); on Debian its users belong to the group "nix-users"',
  },
  {
    when: /(?:read-only file system|permission denied|operation not permitted|lack(?:s)? write permission|attempt to write a readonly database)[^\n]*|(?:big-lock|\/nix\/var|\/nix\/store)[^\n]*(?:permission denied|read-only)/i,
    code: 'sandbox-unavailable',
    cause: 'this user may not write to the Nix store',
    remedy:
      'Run the Nix daemon, or let NIX_REMOTE name a store of your own (local?root=/path/to/a/folder); a store in a sandbox needs user namespaces',
  },
  {
    when: /is required to build|required \(system|required system or feature not available/i,
    code: 'sandbox-unavailable',
    cause: 'neither this machine nor a remote builder of Nix builds for x86_64-linux',
    remedy: 'Give "builders" in nix.conf a machine for x86_64-linux',
  },
];

/** Where Nix has no working sandbox; the namespaces' own diagnosis says why. */
const NO_SANDBOX =
  /namespaces? .*required for sandboxing|does not support the kernel namespaces|unable to start (?:any )?(?:build )?process|setting up .*namespace|(?:cloning|unsharing) .*|unable to (?:make|bind|mount|pivot)|sandbox/i;

const REFUSED = 'Nix cannot build steps here';

/** The error of a Nix that could not run a step: `problems` are its own last lines, `output` those of the step. */
export async function nixFailure(
  problems: readonly string[],
  output: readonly string[] = [],
): Promise<BuilderError> {
  const details = [...output, ...problems].map(printable);
  const message = problems.join('\n');
  if (NO_SANDBOX.test(message) || /not permitted/i.test(message))
    return await noNamespaces([...output, ...problems]);
  const found = CAUSES.find((row) => row.when.test(message));
  if (found === undefined) {
    return new BuilderError('sandbox-unavailable', `${REFUSED}: ${details.at(-1) ?? 'it gives no reason'}`, {
      hint: 'See the lines below; "nix-build" must work for this user',
      details,
    });
  }
  return new BuilderError(found.code, `${REFUSED}: ${found.cause}`, { hint: found.remedy, details });
}

/** The error of a machine whose kernel does not let Nix, or the step in Nix, have namespaces. */
export async function noNamespaces(tail: readonly string[]): Promise<BuilderError> {
  const { cause, remedy } = diagnoseNamespaces(await gatherNamespaceFacts('/nix/store', tail.join('\n')));
  return new BuilderError('sandbox-unavailable', `${REFUSED}, for want of its sandbox: ${cause}`, {
    hint: `${remedy}. Steps are never run outside of it; on another machine ("builders" in nix.conf) or with the docker executor they may run`,
    details: tail.map(printable),
  });
}

/** The error of a Nix whose owner has switched the sandbox off. */
export function sandboxIsOff(tail: readonly string[]): BuilderError {
  return new BuilderError('sandbox-unavailable', `${REFUSED}: its sandbox is switched off`, {
    hint: 'Set "sandbox = true" in nix.conf of the machine that builds, or be one of its "trusted-users": altee asks for the sandbox, but the daemon heeds only those',
    details: tail.map(printable),
  });
}

import { isAlive, processIdentity } from '../../store/process-identity.ts';

/** On images: the digest of the root that they hold. */
export const ROOT_LABEL = 'altee.root';
/** On containers: the process that made them. */
export const OWNER_LABEL = 'altee.owner';
/** On containers: the Unix time after which nobody needs them any more, whoever made them. */
const EXPIRES_LABEL = 'altee.expires';

/** Between the end of a step's time and the removal of its container, output is still copied. */
const MARGIN_SECONDS = 3600;

/** Options of `create` that say whose a container is and for how long. */
export function ownerLabels(seconds: number): string[] {
  const expires = Math.ceil(Date.now() / 1000) + seconds + MARGIN_SECONDS;
  return ['--label', `${OWNER_LABEL}=${processIdentity()}`, '--label', `${EXPIRES_LABEL}=${expires}`];
}

/**
 * Whether a container with these labels is left from a process that can't remove it any more: one of this machine that
 * is dead, or one of another machine whose time is over.
 */
export function isLeftover(labels: Readonly<Record<string, string>>, now: Date): boolean {
  const owner = labels[OWNER_LABEL];
  if (owner === undefined) return false;
  if (placeOf(owner) === placeOf(processIdentity())) return !isAlive(owner, '');
  const expires = Number(labels[EXPIRES_LABEL]);
  return Number.isFinite(expires) && expires < now.getTime() / 1000;
}

/** Boot and PID namespace, in which a process can be seen to live. */
function placeOf(identity: string): string {
  return identity.split('.').slice(2, 4).join('.');
}

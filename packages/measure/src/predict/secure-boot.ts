import { MeasureError } from '../error.ts';
import type { Hasher } from '../hash.ts';
import type { PeImage } from '../pe/image.ts';
import { type Authority, appraiseImage } from '../secure-boot/appraise.ts';
import { appraiseByShim } from '../secure-boot/shim-appraise.ts';
import {
  enforcesSecureBoot,
  readSecureBootVariables,
  type SecureBootVariables,
  secureBootVariables,
} from '../secure-boot/variables.ts';
import { findFirmware, hasNoKeys, type KnownFirmware } from './firmware.ts';
import type { Machine } from './machine.ts';
import { readShimBoot, type ShimBoot } from './shim.ts';

/** What firmware's Secure Boot makes of a machine's keys and an image. `reason` has no full stop. */
export type SecureBootDecision =
  /**
   * - `missing`: a fact about the machine is not known.
   * - `contradiction`: what is said of Secure Boot is not what the keys give.
   * - `refused`: the firmware doesn't start the image.
   * - `unknown`: there is no rule to tell whether it does.
   */
  | { readonly kind: 'missing' | 'contradiction' | 'refused' | 'unknown'; readonly reason: string }
  | {
      readonly kind: 'starts';
      readonly firmware: KnownFirmware;
      readonly variables: SecureBootVariables;
      /** Whether Secure Boot is on, and then who vouched for the image. */
      readonly authority: Authority | 'not-asked';
      /** The shim between firmware and image. */
      readonly shim: ShimBoot | undefined;
    };

/** Decides whether the firmware starts the image, and on whose authority. Throws nothing. */
export function decideSecureBoot(
  machine: Machine,
  uki: Uint8Array,
  pe: PeImage,
  hasher: Hasher,
  firmware: KnownFirmware | undefined = findFirmware(machine.firmware),
): SecureBootDecision {
  if (!firmware)
    return {
      kind: 'missing',
      reason: 'The firmware is not known, and with it what it measures of SecureBoot',
    };
  try {
    const variables = knownVariables(machine);
    if (!variables)
      return { kind: 'missing', reason: 'Which keys the machine’s variable store holds is not known' };
    const enforced = firmware.secureBoot && enforcesSecureBoot(variables);
    if (enforced !== (machine.secureBoot === 'on'))
      return { kind: 'contradiction', reason: contradiction(machine, firmware, variables) };
    const shim = readShimBoot(machine, enforced);
    if (!enforced) return { kind: 'starts', firmware, variables, authority: 'not-asked', shim };
    const started = appraiseImage(shim?.image ?? uki, variables, hasher, shim?.pe ?? pe);
    if (started.verdict !== 'allowed') return notStarted(shim ? 'shim' : 'the image', started);
    const { authority } = started;
    if (!shim) return { kind: 'starts', firmware, variables, authority, shim };
    const byShim = appraiseByShim(uki, pe, variables, shim.lists, hasher);
    if (byShim.verdict !== 'allowed') return notStarted('the image', byShim);
    return { kind: 'starts', firmware, variables, authority, shim: { ...shim, authority: byShim.authority } };
  } catch (error) {
    if (error instanceof MeasureError) return { kind: 'unknown', reason: error.message };
    throw error;
  }
}

function notStarted(
  what: string,
  { verdict, reason }: { readonly verdict: 'refused' | 'unknown'; readonly reason: string },
): SecureBootDecision {
  return verdict === 'refused'
    ? {
        kind: 'refused',
        reason: `The firmware refuses to start ${what} with these keys, because ${reason}`,
      }
    : { kind: 'unknown', reason: `Whether the firmware starts ${what} is not known, because ${reason}` };
}

function knownVariables({ firmware, secureBootVariables: given }: Machine): SecureBootVariables | undefined {
  if (given) return secureBootVariables(given);
  if (firmware?.vars) return readSecureBootVariables(firmware.vars);
  return hasNoKeys(firmware) ? secureBootVariables() : undefined;
}

function contradiction(
  { secureBoot }: Machine,
  firmware: KnownFirmware,
  { PK }: SecureBootVariables,
): string {
  if (secureBoot === 'off')
    return 'Secure Boot is said to be off, but the variable store holds a platform key, with which the firmware turns it on';
  if (!firmware.secureBoot) return `Secure Boot is said to be on, but ${firmware.name} is built without it`;
  return PK.length === 0
    ? 'Secure Boot is said to be on, but the variable store holds no platform key (PK)'
    : 'Secure Boot is said to be on, but the variable SecureBootEnable switches it off';
}

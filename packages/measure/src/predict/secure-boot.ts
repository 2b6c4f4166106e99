import { MeasureError } from '../error.ts';
import type { Hasher } from '../hash.ts';
import type { PeImage } from '../pe/image.ts';
import { type Authority, appraiseImage } from '../secure-boot/appraise.ts';
import {
  enforcesSecureBoot,
  readSecureBootVariables,
  type SecureBootVariables,
  secureBootVariables,
} from '../secure-boot/variables.ts';
import { findFirmware, hasNoKeys, type KnownFirmware } from './firmware.ts';
import type { Machine } from './machine.ts';

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
    if (!enforced) return { kind: 'starts', firmware, variables, authority: 'not-asked' };
    const appraisal = appraiseImage(uki, variables, hasher, pe);
    switch (appraisal.verdict) {
      case 'allowed':
        return { kind: 'starts', firmware, variables, authority: appraisal.authority };
      case 'refused':
        return {
          kind: 'refused',
          reason: `The firmware refuses to start the image with these keys, because ${appraisal.reason}`,
        };
      case 'unknown':
        return {
          kind: 'unknown',
          reason: `Whether the firmware starts the image is not known, because ${appraisal.reason}`,
        };
    }
  } catch (error) {
    if (error instanceof MeasureError) return { kind: 'unknown', reason: error.message };
    throw error;
  }
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

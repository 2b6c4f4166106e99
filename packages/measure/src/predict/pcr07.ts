import { toHex } from '../bytes/hex.ts';
import type { Authority } from '../secure-boot/appraise.ts';
import type { SecureBootVariables } from '../secure-boot/variables.ts';
import { encodeVariableData, variableGuids } from '../uefi/variable.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import type { PredictedEvent } from './prediction.ts';
import { separator } from './separator.ts';
import { shimVariableEvents } from './shim.ts';
import { stubInputs } from './stub-inputs.ts';

/** What PCR 7 covers. */
export const describePcr07 = (): string =>
  'Secure Boot: whether it is on, its keys, and which of them vouched for what was started';

/** PCR 7: the variables of Secure Boot, the separator, and the entry of db that vouched for the image. */
export function predictPcr07(context: PredictionContext): RegisterAnswer {
  const { secureBoot } = context;
  if (secureBoot.kind === 'missing' || secureBoot.kind === 'contradiction')
    return { status: 'host-dependent', reason: secureBoot.reason };
  if (secureBoot.kind !== 'starts') return { status: 'unpredictable', reason: secureBoot.reason };
  const { firmware, variables, authority, shim } = secureBoot;
  const byShim = shim ? shimVariableEvents(context, shim) : [];
  // A switch, not a list: one byte where the firmware knows Secure Boot at all.
  const state = firmware.secureBoot ? Uint8Array.of(authority === 'not-asked' ? 0 : 1) : new Uint8Array(0);
  const events = secureBootEvents(context, state, variables);
  if (authority === 'not-asked') {
    const keys = variables.PK.length === 0 ? 'no keys are enrolled' : 'its keys are enrolled';
    return {
      status: 'predicted',
      reason: `Secure Boot is off and ${keys}, on ${firmware.name}`,
      events: [...events, ...byShim],
    };
  }
  const voucher = `${authority.description} in db vouches for ${shim ? 'shim' : 'the image'}`;
  return {
    status: 'predicted',
    reason: `Secure Boot is on, and ${voucher}, on ${firmware.name}`,
    events: [
      ...events,
      authorityEvent(context, authority),
      ...byShim,
      ...addonAuthorities(context, authority),
    ],
  };
}

/** Entries that vouch for addons; firmware measures each entry once in a boot. */
function addonAuthorities(context: PredictionContext, image: Authority): PredictedEvent[] {
  if ('unknown' in context.stub) return [];
  const seen = new Set([toHex(image.encoded)]);
  return stubInputs(context, context.stub.value).addons.flatMap(({ authority }): PredictedEvent[] => {
    if (!authority || seen.has(toHex(authority.encoded))) return [];
    seen.add(toHex(authority.encoded));
    return [{ ...authorityEvent(context, authority), stage: 'stub' }];
  });
}

/** The variables in the order in which edk2 measures them, and the separator (edk2 Tcg2Dxe `MeasureAllSecureVariables`). */
export function secureBootEvents(
  context: PredictionContext,
  secureBoot: Uint8Array,
  { PK, KEK, db, dbx, dbt }: SecureBootVariables,
): PredictedEvent[] {
  const { global, imageSecurity } = variableGuids;
  return [
    variable(context, global, 'SecureBoot', secureBoot),
    variable(context, global, 'PK', PK),
    variable(context, global, 'KEK', KEK),
    variable(context, imageSecurity, 'db', db),
    variable(context, imageSecurity, 'dbx', dbx),
    // Only this one is left out when it is empty.
    ...(dbt.length > 0 ? [variable(context, imageSecurity, 'dbt', dbt)] : []),
    { ...separator(context, 7), stage: 'variables' },
  ];
}

/** The event for the entry of db that vouched for an image; firmware measures each entry once in a boot. */
export function authorityEvent(context: PredictionContext, authority: Authority): PredictedEvent {
  const data = encodeVariableData(variableGuids.imageSecurity, 'db', authority.encoded);
  return pcrEvent(context, 7, {
    stage: 'authority',
    eventType: 'EV_EFI_VARIABLE_AUTHORITY',
    measured: [data],
    data,
    source: { kind: 'variable', name: 'db' },
    clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.8; edk2 DxeImageVerificationLib',
    dependsOn: ['firmware', 'secure-boot', 'secure-boot-keys', 'image'],
    description: `entry of db that vouches for the image: ${authority.description}`,
  });
}

function variable(
  context: PredictionContext,
  guid: string,
  name: string,
  contents: Uint8Array,
): PredictedEvent {
  const data = encodeVariableData(guid, name, contents);
  return pcrEvent(context, 7, {
    stage: 'variables',
    eventType: 'EV_EFI_VARIABLE_DRIVER_CONFIG',
    measured: [data],
    data,
    source: { kind: 'variable', name },
    clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.8',
    dependsOn: ['firmware', 'secure-boot', 'secure-boot-keys'],
    description: `variable ${name}, ${contents.length === 0 ? 'empty' : `${contents.length} bytes`}`,
  });
}

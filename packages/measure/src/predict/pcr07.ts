import { encodeVariableData, variableGuids } from '../uefi/variable.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import { findFirmware, hasNoKeys } from './firmware.ts';
import type { PredictedEvent } from './prediction.ts';
import { separator } from './separator.ts';

/** What PCR 7 covers. */
export const describePcr07 = (): string =>
  'Secure Boot: whether it is on, its keys, and which of them vouched for what was started';

/** PCR 7 with Secure Boot off and no keys enrolled: five variables, the separator. */
export function predictPcr07(context: PredictionContext): RegisterAnswer {
  const { firmware, secureBoot } = context.machine;
  if (secureBoot === 'on') {
    return {
      status: 'not-predicted',
      reason: 'The rules for enrolled Secure Boot keys are not implemented in this version',
    };
  }
  const known = findFirmware(firmware);
  if (!known)
    return {
      status: 'host-dependent',
      reason: 'The firmware is not known, and with it what it measures of SecureBoot',
    };
  if (!hasNoKeys(firmware)) {
    return { status: 'host-dependent', reason: 'Which keys the machine’s variable store holds is not known' };
  }
  const none = new Uint8Array(0);
  return {
    status: 'predicted',
    reason: `Secure Boot is off and no keys are enrolled, on ${known.name}`,
    events: [
      variable(context, variableGuids.global, 'SecureBoot', known.secureBootOff),
      variable(context, variableGuids.global, 'PK', none),
      variable(context, variableGuids.global, 'KEK', none),
      variable(context, variableGuids.imageSecurity, 'db', none),
      variable(context, variableGuids.imageSecurity, 'dbx', none),
      { ...separator(context, 7), stage: 'variables' },
    ],
  };
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
    dependsOn: ['firmware', 'secure-boot'],
    description: `variable ${name}, ${contents.length === 0 ? 'empty' : `${contents.length} bytes`}`,
  });
}

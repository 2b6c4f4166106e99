import { MeasureError } from '../error.ts';
import { readPe } from '../pe/image.ts';
import { type Authority, appraiseImage } from '../secure-boot/appraise.ts';
import {
  enforcesSecureBoot,
  readSecureBootVariables,
  type SecureBootVariables,
  secureBootVariables,
} from '../secure-boot/variables.ts';
import { tdvfSectionData } from '../tdx/tdvf.ts';
import { encodeVariableData, variableGuids } from '../uefi/variable.ts';
import type { Known } from './context.ts';
import type { PredictedEvent } from './prediction.ts';
import { evidenceOf, known, missing, type Part, rtmrEvent, type TdxContext } from './tdx-context.ts';
import { separatorEvent } from './tdx-separator.ts';

/** Secure Boot as the TD will have it. */
export interface TdxSecureBootState {
  readonly built: boolean;
  readonly enforced: boolean;
  readonly variables: SecureBootVariables;
}

/** What is given, or what the firmware's volume of variables and its code tell. */
export function tdxSecureBoot({ machine, sections }: TdxContext): Known<TdxSecureBootState> {
  const { secureBoot, firmware } = machine;
  if (secureBoot) return { value: { ...secureBoot, variables: secureBootVariables(secureBoot.variables) } };
  const file = firmware?.file;
  if (!file) return { unknown: 'Whether Secure Boot is on, and with which keys, is not known' };
  return known(() => {
    const built = evidenceOf(firmware)?.secureBoot;
    if (built === undefined)
      throw new MeasureError('not-found', 'Whether the firmware was built with Secure Boot is not known');
    const section = 'value' in sections && sections.value.find(({ type }) => type === 'CFV');
    if (!section) throw new MeasureError('not-found', 'The firmware brings no volume of variables');
    const variables = readSecureBootVariables(tdvfSectionData(file, section));
    return { built, enforced: built && enforcesSecureBoot(variables), variables };
  });
}

/** The variables with their separator, and the entry of db that vouches for what is started. */
export function predictTdxSecureBoot(context: TdxContext): { variables: Part; authority: Part } {
  const state = tdxSecureBoot(context);
  if ('unknown' in state) return { variables: missing(state.unknown), authority: { events: [] } };
  const { built, enforced, variables } = state.value;
  const { PK, KEK, db, dbx, dbt } = variables;
  const { global, imageSecurity } = variableGuids;
  const switched = built ? Uint8Array.of(enforced ? 1 : 0) : new Uint8Array(0);
  const events = [
    variable(context, global, 'SecureBoot', switched),
    variable(context, global, 'PK', PK),
    variable(context, global, 'KEK', KEK),
    variable(context, imageSecurity, 'db', db),
    variable(context, imageSecurity, 'dbx', dbx),
    // Only this one is left out when it is empty.
    ...(dbt.length > 0 ? [variable(context, imageSecurity, 'dbt', dbt)] : []),
    separatorEvent(context, 0, 'variables'),
  ];
  return {
    variables: { events },
    authority: enforced ? predictAuthority(context, variables) : { events: [] },
  };
}

function predictAuthority(context: TdxContext, variables: SecureBootVariables): Part {
  const { boot } = context;
  if (boot.kind !== 'disk') {
    return {
      status: 'not-predicted',
      reason:
        'Secure Boot is on, and there are no rules for which key vouches for a kernel that QEMU hands over',
    };
  }
  const appraisal = known(() => appraiseImage(boot.uki, variables, context.hasher, readPe(boot.uki)));
  if ('unknown' in appraisal) return { status: 'unpredictable', reason: appraisal.unknown };
  if (appraisal.value.verdict !== 'allowed') {
    return {
      status: 'unpredictable',
      reason: `The firmware does not start the image, as far as is known, because ${appraisal.value.reason}`,
    };
  }
  return {
    events: [authority(context, appraisal.value.authority)],
    doubts: ['Secure Boot was compared with TPM logs, not with a TD'],
  };
}

function authority(context: TdxContext, { encoded, description }: Authority): PredictedEvent {
  const data = encodeVariableData(variableGuids.imageSecurity, 'db', encoded);
  return rtmrEvent(context, 0, {
    stage: 'authority',
    eventType: 'EV_EFI_VARIABLE_AUTHORITY',
    measured: data,
    data,
    source: { kind: 'variable', name: 'db' },
    clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.8; edk2 DxeImageVerificationLib',
    dependsOn: ['firmware', 'secure-boot', 'secure-boot-keys', 'image'],
    description: `entry of db that vouches for the image: ${description}`,
  });
}

function variable(context: TdxContext, guid: string, name: string, contents: Uint8Array): PredictedEvent {
  const data = encodeVariableData(guid, name, contents);
  return rtmrEvent(context, 0, {
    stage: 'variables',
    eventType: 'EV_EFI_VARIABLE_DRIVER_CONFIG',
    measured: data,
    data,
    source: { kind: 'variable', name },
    clause: 'edk2 OvmfPkg/Tcg/TdTcg2Dxe `MeasureAllSecureVariables`',
    dependsOn: ['firmware', 'secure-boot', 'secure-boot-keys'],
    description: `variable ${name}, ${contents.length === 0 ? 'empty' : `${contents.length} bytes`}`,
  });
}

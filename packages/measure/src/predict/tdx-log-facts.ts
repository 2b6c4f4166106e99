import { equalBytes } from '../bytes/compare.ts';
import { ascii, showAscii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher } from '../hash.ts';
import type { SecureBootVariables } from '../secure-boot/variables.ts';
import type { LoggedEvent } from '../tcg/event-log.ts';
import { eventTypes } from '../tcg/event-type.ts';
import { readEventLog } from '../tcg/read-event-log.ts';
import { encodeBootOrder } from '../tdx/boot-variables.ts';
import type { OvmfEvidence } from '../tdx/ovmf.ts';
import { solveSeparators } from '../tdx/solve.ts';
import { parseVariableData } from '../uefi/variable.ts';
import { digestOf, known } from './tdx-context.ts';
import type { Measurable, TdxBootVariables, TdxMachine, TdxSecureBoot } from './tdx-machine.ts';

/** What one event log of a TD tells of the machine, whatever it booted then. */
export type TdxLogFacts = Required<Pick<TdxMachine, 'acpi' | 'secureBoot' | 'bootVariables' | 'fwCfg'>> &
  Pick<TdxMachine, 'smbios'> & {
    readonly configuration: Measurable | undefined;
    readonly evidence: OvmfEvidence;
  };

/** CC measurement registers of RTMR 0 and 1. */
const rtmr0 = 1;
const rtmr1 = 2;
const fwCfgName = ascii('QEMU FW CFG');
const acpiName = ascii('ACPI DATA');

/**
 * Takes out of a CC event log (`/sys/firmware/acpi/tables/data/CCEL`) what the VMM gives to a TD: ACPI, SMBIOS, variables
 * and boot options, each with its place in the log. RAM and image are not taken over: they are the next TD's own.
 * Throws `unsupported` when it is no CC event log, `malformed` when its end cannot be read or a variable's data is not what
 * its digest covers, `not-found` when firmware's events are not in it.
 */
export function tdxFactsOfLog(bytes: Uint8Array, hasher: Hasher = defaultHasher): TdxLogFacts {
  const { registers, log, damage } = readEventLog(bytes);
  if (registers !== 'cc') throw new MeasureError('unsupported', 'The log is a TPM’s, not a TD’s');
  if (damage) throw new MeasureError('malformed', `The log is damaged: ${damage.message}`);
  const first = log.events.filter(({ registerIndex }) => registerIndex === rtmr0);
  const separators = solveSeparators(
    first.map(sha384),
    log.events.filter(({ registerIndex }) => registerIndex === rtmr1).map(sha384),
    hasher,
  );
  if (!separators)
    throw new MeasureError('not-found', 'The log does not have the separators of OVMF in a TD');
  const fwCfg = configurationEvents(first, fwCfgName);
  const smbios = first.find(
    ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_HANDOFF_TABLES,
  );
  const configuration = first.find(
    ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_PLATFORM_FIRMWARE_BLOB2,
  );
  const secureBoot = secureBootOf(first, hasher);
  return {
    acpi: acpiOf(first),
    secureBoot,
    bootVariables: bootVariablesOf(first, hasher),
    fwCfg: Object.fromEntries(
      fwCfg.map((event) => [
        showAscii(event.untrustedData.subarray(fwCfgName.length + 1)),
        measurable(event),
      ]),
    ),
    smbios: smbios && measurable(smbios),
    configuration: configuration && measurable(configuration),
    evidence: {
      measures: true,
      secureBoot: secureBoot.built,
      traits: {
        separators,
        measuresFwCfg: fwCfg.length > 0,
        measuresSmbios: smbios !== undefined,
        // Only a direct boot asks for these, and a log tells nothing of it.
        builtinOptions: 'ui-app',
        initrdArgument: 'suffix',
        readsUnpatchedKernel: false,
      },
    },
  };
}

function sha384(event: LoggedEvent): Uint8Array {
  const digest = event.digests.get('sha384');
  if (!digest)
    throw new MeasureError('not-found', `Event ${event.index + 1} of the log has no SHA-384 digest`);
  return digest;
}

function measurable(event: LoggedEvent): Measurable {
  return { sha384: sha384(event), logIndex: event.index };
}

function configurationEvents(events: readonly LoggedEvent[], name: Uint8Array): LoggedEvent[] {
  return events.filter(
    ({ untrustedEventType, untrustedData }) =>
      untrustedEventType === eventTypes.EV_PLATFORM_CONFIG_FLAGS &&
      equalBytes(untrustedData.subarray(0, name.length), name),
  );
}

function acpiOf(events: readonly LoggedEvent[]): NonNullable<TdxMachine['acpi']> {
  const [loader, rsdp, tables, ...more] = configurationEvents(events, acpiName);
  if (!loader || !rsdp || !tables || more.length > 0)
    throw new MeasureError('not-found', 'The log does not have the three ACPI events of OVMF in a TD');
  return {
    loader: measurable(loader),
    rsdp: measurable(rsdp),
    tables: measurable(tables),
    from: 'td',
  };
}

function secureBootOf(events: readonly LoggedEvent[], hasher: Hasher): TdxSecureBoot {
  const variables = new Map(
    events
      .filter(({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_VARIABLE_DRIVER_CONFIG)
      .map((event) => {
        // The bytes count: the digest has to cover them.
        const digest = digestOf({ hasher }, event.untrustedData);
        if (!equalBytes(digest, sha384(event))) {
          throw new MeasureError(
            'malformed',
            `The data of event ${event.index + 1} is not what its digest covers`,
            {
              offset: event.offset,
            },
          );
        }
        const { name, data } = parseVariableData(event.untrustedData);
        return [name, data];
      }),
  );
  const state = variables.get('SecureBoot');
  if (!state) throw new MeasureError('not-found', 'The log does not have the variable SecureBoot');
  const names = ['PK', 'KEK', 'db', 'dbx', 'dbt'] as const;
  const keys: Partial<SecureBootVariables> = Object.fromEntries(
    names.flatMap((name) => {
      const data = variables.get(name);
      return data ? [[name, data]] : [];
    }),
  );
  return { built: state.length > 0, enforced: state[0] === 1, variables: keys };
}

function bootVariablesOf(events: readonly LoggedEvent[], hasher: Hasher): TdxBootVariables {
  const variables = events
    .filter(({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_VARIABLE_BOOT)
    .flatMap((event) => {
      const variable = known(() => parseVariableData(event.untrustedData));
      return 'value' in variable ? [{ event, ...variable.value }] : [];
    });
  const order = variables.find(({ name }) => name === 'BootOrder');
  if (!order || !equalBytes(digestOf({ hasher }, order.data), sha384(order.event)))
    throw new MeasureError('not-found', 'The log does not have BootOrder with its data');
  const options = variables.flatMap(({ event, name }) => {
    const number = /^Boot([0-9A-F]{4})$/.exec(name)?.[1];
    return number === undefined ? [] : [{ number: Number.parseInt(number, 16), data: measurable(event) }];
  });
  if (!equalBytes(encodeBootOrder(options.map(({ number }) => number)), order.data))
    throw new MeasureError('malformed', 'The boot options in the log are not those of its BootOrder');
  return { options, from: 'td' };
}

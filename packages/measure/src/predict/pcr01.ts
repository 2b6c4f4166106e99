import { parseGuid } from '../bytes/guid.ts';
import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { type OvmfRules, ovmfRules } from '../qemu/ovmf-rules.ts';
import { filterSmbios } from '../smbios/filter.ts';
import { firmwareSmbiosTable } from '../smbios/firmware-table.ts';
import { encodeVariableData, variableGuids } from '../uefi/variable.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import { hasNoKeys } from './firmware.ts';
import type { QemuMachine } from './machine.ts';
import { machineBootOptions } from './machine-boot-options.ts';
import type { PredictedEvent } from './prediction.ts';
import { separator } from './separator.ts';
import { stubSmbiosEvents } from './stub-smbios.ts';

/** What PCR 1 covers. */
export const describePcr01 = (): string =>
  'The machine’s configuration: ACPI and SMBIOS tables, boot options';

/** QEMU's files in the order in which its loader script allocates them (edk2 OvmfPkg/AcpiPlatformDxe/QemuFwCfgAcpi.c). */
const acpiFiles = ['etc/table-loader', 'etc/acpi/rsdp', 'etc/tpm/log', 'etc/acpi/tables'] as const;
const SMBIOS_TABLES = 'etc/smbios/smbios-tables';
const SMBIOS_ANCHOR = 'etc/smbios/smbios-anchor';

/** Configuration tables of SMBIOS 2 and 3 (UEFI 2.11, 4.6.1). */
const smbiosGuids = {
  2: 'eb9d2d31-2d88-11d3-9a16-0090273fc14d',
  3: 'f2fd1544-9794-4a2c-992e-e5bbcf20e394',
} as const;

/**
 * PCR 1 of OVMF on QEMU: the files of the ACPI loader, the filtered SMBIOS tables, the boot options, the separator;
 * the stub then adds SMBIOS structures of its own choice.
 */
export function predictPcr01(context: PredictionContext): RegisterAnswer {
  const { machine } = context;
  const rules = ovmfRules(machine.firmware?.codeSha256);
  if (!rules) {
    return { status: 'host-dependent', reason: 'What this firmware measures of a machine is not known' };
  }
  const { qemu } = machine;
  if (!qemu) {
    const reason =
      'It follows from the virtual machine’s devices and tables, and the machine is not described';
    return { status: 'host-dependent', reason };
  }
  const missing = whatIsMissing(context, rules, qemu);
  if (missing !== undefined) return { status: 'host-dependent', reason: missing };
  const stub = stubSmbiosEvents(context, qemu.fwCfg[SMBIOS_TABLES] ?? new Uint8Array(0));
  if ('unknown' in stub) return { status: 'not-predicted', reason: stub.unknown };

  const smbios = rules.smbios ? [smbiosEvent(context, rules.smbios, qemu)] : [];
  const isEarly = rules.smbios?.place === 'before-boot-variables';
  const events = [
    ...(rules.measuresAcpi ? acpiFiles.map((file) => acpiEvent(context, qemu, file)) : []),
    ...(isEarly ? smbios : []),
    ...bootVariableEvents(context, rules, qemu),
    separator(context, 1),
    ...(isEarly ? [] : smbios),
    ...stub.value.events,
  ];
  const untried = [
    ...(qemu.untried ?? []),
    ...(stub.value.untried === undefined ? [] : [stub.value.untried]),
  ];
  if (untried.length > 0) {
    const reason = `These rules were never compared with a boot of such a machine: ${untried.join('; ')}`;
    return { status: 'assumed', reason, events };
  }
  const reason = `Tables as QEMU ${qemu.version} gives them, boot options as ${rules.name} makes them`;
  return { status: 'predicted', reason, events };
}

function whatIsMissing(
  { machine: { firmware } }: PredictionContext,
  rules: OvmfRules,
  { unknown = [], fwCfg }: QemuMachine,
): string | undefined {
  if (unknown.length > 0) return `What the machine has is not all understood: ${unknown.join('; ')}`;
  if (!hasNoKeys(firmware)) {
    if (!firmware?.vars) return 'Whether the machine’s variable store holds boot options is not known';
  }
  const needed = [...(rules.measuresAcpi ? acpiFiles : []), SMBIOS_TABLES];
  const absent = needed.find((file) => fwCfg[file] === undefined);
  return absent && `QEMU’s file "${absent}" is not known`;
}

function acpiEvent(context: PredictionContext, { fwCfg }: QemuMachine, file: string): PredictedEvent {
  const bytes = fwCfg[file] ?? new Uint8Array(0);
  return pcrEvent(context, 1, {
    stage: 'configuration',
    eventType: 'EV_PLATFORM_CONFIG_FLAGS',
    measured: [bytes],
    data: ascii('ACPI DATA'),
    source: { kind: 'fw_cfg', file, length: bytes.length },
    clause: 'edk2 OvmfPkg/AcpiPlatformDxe/QemuFwCfgAcpi.c',
    dependsOn: ['vmm', 'acpi', 'devices', 'cpu-model', 'vcpus', 'ram', 'firmware'],
    description: `QEMU’s file ${file}`,
  });
}

/** EFI_HANDOFF_TABLE_POINTERS is the data; where the table lies is a fact of one boot (PFP 1.06, 10.2.7). */
function smbiosEvent(
  context: PredictionContext,
  { place, ...identity }: NonNullable<OvmfRules['smbios']>,
  { fwCfg }: QemuMachine,
): PredictedEvent {
  const table = filterSmbios(firmwareSmbiosTable(fwCfg[SMBIOS_TABLES] ?? new Uint8Array(0), identity));
  // An entry point of SMBIOS 3 begins with "_SM3_" (SMBIOS 3.7, 5.2.2).
  const version = fwCfg[SMBIOS_ANCHOR]?.[3] === 0x33 ? 3 : 2;
  return pcrEvent(context, 1, {
    stage: place === 'before-boot-variables' ? 'configuration' : 'late-handoff-tables',
    eventType: 'EV_EFI_HANDOFF_TABLES',
    measured: [table],
    data: new Writer().u64(1).bytes(parseGuid(smbiosGuids[version])).u64(0).finish(),
    dataIsExact: false,
    source: { kind: 'computed', from: 'QEMU’s SMBIOS tables without serial numbers', length: table.length },
    clause: 'edk2 MdeModulePkg/Universal/SmbiosMeasurementDxe',
    dependsOn: ['vmm', 'smbios', 'cpu-model', 'vcpus', 'ram', 'firmware'],
    description: 'SMBIOS tables, without serial numbers, UUID and OEM strings',
  });
}

function bootVariableEvents(
  context: PredictionContext,
  rules: OvmfRules,
  qemu: QemuMachine,
): PredictedEvent[] {
  const { order, options } = machineBootOptions(context, rules, qemu);
  return [
    bootVariable(context, 'BootOrder', order, `boot order: ${options.map(({ name }) => name).join(', ')}`),
    ...options.map(({ name, description, data }) =>
      bootVariable(context, name, data, `boot option ${name}: "${description}"`),
    ),
  ];
}

/** The data shows the whole variable, and the digest covers its contents alone. */
function bootVariable(
  context: PredictionContext,
  name: string,
  contents: Uint8Array,
  description: string,
): PredictedEvent {
  return pcrEvent(context, 1, {
    stage: 'boot-variables',
    eventType: 'EV_EFI_VARIABLE_BOOT',
    measured: [contents],
    data: encodeVariableData(variableGuids.global, name, contents),
    source: { kind: 'variable', name },
    clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.2; edk2 Tcg2Dxe `ReadAndMeasureBootVariable`',
    dependsOn: ['boot-order', 'devices', 'firmware'],
    description,
  });
}

import { encodeTableLoader } from '../acpi/loader.ts';
import { rsdpOfTables } from '../acpi/rsdp.ts';
import { acpiFiles } from '../acpi/tables.ts';
import { parseGuid } from '../bytes/guid.ts';
import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { builtinOptions, encodeBootOrder } from '../tdx/boot-variables.ts';
import { encodeTdHob } from '../tdx/td-hob.ts';
import { tdvfSectionData } from '../tdx/tdvf.ts';
import { encodeVariableData, variableGuids } from '../uefi/variable.ts';
import type { RegisterAnswer } from './context.ts';
import type { PredictedEvent } from './prediction.ts';
import { combine, known, lengthOf, missing, type Part, rtmrEvent, type TdxContext } from './tdx-context.ts';
import type { Measurable, TdxBootVariables } from './tdx-machine.ts';
import { predictTdxSecureBoot } from './tdx-secure-boot.ts';
import { separatorEvent } from './tdx-separator.ts';
import { predictStubSmbios } from './tdx-stub.ts';

/** What RTMR 0 covers. */
export const describeRtmr0 = (): string =>
  'What the VMM tells firmware: memory, variables and keys, ACPI and SMBIOS tables, boot options';

/** RTMR 0, which stands for PCR 1 and 7: the VMM's and the firmware's configuration. */
export function predictRtmr0(context: TdxContext): RegisterAnswer {
  if ('unknown' in context.traits) return { status: 'host-dependent', reason: context.traits.unknown };
  const { separators, measuresFwCfg, measuresSmbios } = context.traits.value;
  const secureBoot = predictTdxSecureBoot(context);
  return combine(
    [
      predictTdHob(context),
      predictConfigurationVolume(context),
      ...(measuresFwCfg ? [predictFwCfg(context)] : []),
      secureBoot.variables,
      predictAcpi(context),
      ...(measuresSmbios ? [predictSmbios(context)] : []),
      predictBootVariables(context),
      ...(separators === 'rtmr0-twice' ? [{ events: [separatorEvent(context, 0, 'separators')] }] : []),
      secureBoot.authority,
      predictStubSmbios(context),
    ],
    'All that the VMM tells firmware is known',
  );
}

function predictTdHob(context: TdxContext): Part {
  const { sections, machine } = context;
  if ('unknown' in sections) return missing(sections.unknown);
  const { memoryBytes } = machine;
  if (memoryBytes === undefined) return missing('The size of RAM is not known, which the TD HOB tells');
  const list = known(() => encodeTdHob(sections.value, memoryBytes, machine.vmm));
  if ('unknown' in list) return missing(list.unknown);
  const base = sections.value.find(({ type }) => type === 'TD_HOB')?.gpa ?? 0;
  const event = rtmrEvent(context, 0, {
    stage: 'crtm',
    eventType: 'EV_EFI_HANDOFF_TABLES2',
    measured: list.value,
    data: encodeHandoffEvent(base),
    source: { kind: 'computed', from: 'TDVF metadata and RAM size', length: list.value.length },
    clause: 'QEMU hw/i386/tdvf-hob.c; edk2 TdxHelperLib `TdxHelperMeasureTdHob`',
    dependsOn: ['ram', 'firmware', 'vmm'],
    description: `TD HOB: where RAM is (${memoryBytes / 2 ** 20} MiB)`,
  });
  return { events: [event] };
}

/** UEFI_HANDOFF_TABLE_POINTERS2 with its description (PC Client Platform Firmware Profile 1.06, 10.2.2). */
function encodeHandoffEvent(address: number): Uint8Array {
  const name = ascii('TdxTable\0');
  return new Writer()
    .u8(name.length)
    .bytes(name)
    .u64(1)
    .bytes(parseGuid('93bb96af-b9f2-4eb8-9462-e0ba74564236')) // gUefiOvmfPkgTokenSpaceGuid
    .u64(address)
    .finish();
}

function predictConfigurationVolume(context: TdxContext): Part {
  const { firmware } = context.machine;
  const section =
    'value' in context.sections ? context.sections.value.find(({ type }) => type === 'CFV') : undefined;
  const measured =
    firmware?.configuration ?? (firmware?.file && section && tdvfSectionData(firmware.file, section));
  if (!measured) return missing('The firmware’s volume of variables (CFV) is not known');
  // The name is written before the driver knows the volume's own; Google's shows it.
  const name = ascii('Fv(XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX)\0');
  const event = rtmrEvent(context, 0, {
    stage: 'firmware-volumes',
    eventType: 'EV_EFI_PLATFORM_FIRMWARE_BLOB2',
    measured,
    data: new Writer()
      .u8(name.length)
      .bytes(name)
      .u64(section?.gpa ?? 0)
      .u64(section?.memorySize ?? 0)
      .finish(),
    dataIsExact: false,
    source: { kind: 'firmware', part: 'CFV', offset: section?.dataOffset ?? 0, length: lengthOf(measured) },
    clause: 'edk2 TdxHelperLib `TdxHelperMeasureCfvImage`',
    dependsOn: ['firmware', 'secure-boot-keys'],
    description: 'volume of variables that the firmware file brings along',
  });
  return { events: [event] };
}

/** In the order in which memory is set up (edk2 OvmfPkg/Library/PlatformInitLib, QemuFwCfgCacheLib). */
const measuredFwCfg = [
  'etc/extra-pci-roots',
  'BootMenu',
  'etc/boot-menu-wait',
  'etc/reserved-memory-end',
  'opt/ovmf/X-PciMmio64Mb',
  'bootorder',
] as const;

function predictFwCfg(context: TdxContext): Part {
  const { fwCfg } = context.machine;
  if (!fwCfg)
    return missing('The values of fw_cfg that this firmware measures are not known (BootMenu, bootorder, …)');
  const events = measuredFwCfg.flatMap((name): PredictedEvent[] => {
    const value = fwCfg[name];
    if (value === undefined) return [];
    return [
      rtmrEvent(context, 0, {
        stage: 'handoff-tables',
        eventType: 'EV_PLATFORM_CONFIG_FLAGS',
        measured: value,
        data: ascii(`QEMU FW CFG\0${name}\0`),
        dataIsExact: false,
        source: { kind: 'fw_cfg', file: name, length: lengthOf(value) },
        clause: 'edk2 OvmfPkg/Library/QemuFwCfgLib `QemuFwCfgPei`, from 202505 on',
        dependsOn: ['vmm', 'devices', 'boot-order'],
        description: `value of fw_cfg "${name}"`,
      }),
    ];
  });
  return {
    events,
    doubts: ['That OVMF from 202505 on measures values of fw_cfg was read in its source, not seen in a TD'],
  };
}

function predictAcpi(context: TdxContext): Part {
  const { acpi } = context.machine;
  if (!acpi) return missing('The ACPI tables that the VMM gives are not known');
  const { tables } = acpi;
  const derived =
    tables instanceof Uint8Array
      ? known(() => ({ loader: encodeTableLoader(tables), rsdp: rsdpOfTables(tables) }))
      : undefined;
  const files = derived && 'value' in derived ? derived.value : undefined;
  const loader = acpi.loader ?? files?.loader;
  const rsdp = acpi.rsdp ?? files?.rsdp;
  if (!loader || !rsdp) {
    return missing(
      derived && 'unknown' in derived
        ? derived.unknown
        : 'The ACPI tables are known by their digest alone, and the loader and the RSDP are not',
    );
  }
  const events = [
    acpiEvent(context, acpiFiles.loader, loader),
    acpiEvent(context, acpiFiles.rsdp, rsdp),
    acpiEvent(context, acpiFiles.tables, tables),
  ];
  return acpi.from === 'td' ? { events } : { events, doubts: [acpi.from.doubt] };
}

function acpiEvent(context: TdxContext, file: string, measured: Measurable): PredictedEvent {
  return rtmrEvent(context, 0, {
    stage: 'configuration',
    eventType: 'EV_PLATFORM_CONFIG_FLAGS',
    measured,
    data: ascii('ACPI DATA'),
    source: { kind: 'fw_cfg', file, length: lengthOf(measured) },
    clause: 'edk2 OvmfPkg/AcpiPlatformDxe/QemuFwCfgAcpi.c',
    dependsOn: ['acpi', 'vcpus', 'ram', 'devices', 'vmm'],
    description: `ACPI: ${file} as the VMM gives it`,
  });
}

function predictSmbios(context: TdxContext): Part {
  const { smbios } = context.machine;
  if (!smbios) return missing('The SMBIOS table that this firmware measures is not known');
  const event = rtmrEvent(context, 0, {
    stage: 'configuration',
    eventType: 'EV_EFI_HANDOFF_TABLES',
    measured: smbios,
    data: new Uint8Array(0),
    dataIsExact: false,
    source: { kind: 'fw_cfg', file: 'etc/smbios/smbios-tables', length: lengthOf(smbios) },
    clause: 'edk2 MdeModulePkg/Universal/SmbiosMeasurementDxe',
    dependsOn: ['smbios', 'ram', 'vcpus', 'cpu-model', 'firmware'],
    description: 'SMBIOS table without its volatile fields',
  });
  return { events: [event], doubts: ['The SMBIOS event was compared with TPM logs, not with a TD'] };
}

function predictBootVariables(context: TdxContext): Part {
  const given = bootVariables(context);
  if (!given) return missing('The boot options of the machine are not known');
  const { options, from } = given;
  const order = encodeBootOrder(options.map(({ number }) => number));
  const events = [
    bootVariable(context, 'BootOrder', order),
    ...options.map(({ number, data }) =>
      bootVariable(context, `Boot${number.toString(16).toUpperCase().padStart(4, '0')}`, data),
    ),
  ];
  return from === 'td' ? { events } : { events, doubts: [from.doubt] };
}

/** Without a disk, the firmware's own options are all there are. */
function bootVariables({ machine, boot, traits }: TdxContext): TdxBootVariables | undefined {
  if (machine.bootVariables) return machine.bootVariables;
  const direct = boot.kind === 'direct' || (boot.kind === 'digests' && boot.direct);
  if (!direct || machine.vmm !== 'qemu' || 'unknown' in traits) return undefined;
  const kind = traits.value.builtinOptions;
  return {
    options: builtinOptions(kind),
    from:
      kind === 'ui-app'
        ? 'td'
        : { doubt: 'The boot options of OVMF from 202505 on were not compared with a TD' },
  };
}

function bootVariable(context: TdxContext, name: string, contents: Measurable): PredictedEvent {
  const bytes = contents instanceof Uint8Array;
  return rtmrEvent(context, 0, {
    stage: 'boot-variables',
    eventType: 'EV_EFI_VARIABLE_BOOT',
    measured: contents,
    data: encodeVariableData(variableGuids.global, name, bytes ? contents : new Uint8Array(0)),
    dataIsExact: bytes,
    source: { kind: 'variable', name },
    clause: 'edk2 OvmfPkg/Tcg/TdTcg2Dxe `MeasureAllBootVariables`',
    dependsOn: ['boot-order', 'devices', 'firmware'],
    description: name === 'BootOrder' ? 'order of the boot options' : `boot option ${name}`,
  });
}

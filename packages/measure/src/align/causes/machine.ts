import { solveRsdtOffset } from '../../tdx/solve.ts';
import type { AlignedEvent } from '../align-events.ts';
import { type Cause, type CauseContext, type CauseRule, findRows, likely, proven, typeOf } from '../cause.ts';
import { solveRam } from '../solve-ram.ts';
import { compareBootOptions } from './boot-options.ts';

/** The virtual machine below: RAM, processors, devices, what the VMM hands to firmware. */
export const machineCause: CauseRule = ({ row }, context) => {
  if (isTdHob(row))
    return (
      tdHob(row, context) ??
      likely('ram', 'The list of memory (TD HOB) is another one: other RAM size, or another VMM')
    );
  const file = fwCfgFile(row);
  if (file !== undefined && !isTable(file))
    return likely('fw-cfg', `What the VMM passes as "${file}" is another one`);
  if (file !== undefined) return machineFromTables(context);
  if (isSmbios(row)) return machineFromTables(context);
  return undefined;
};

/** Names of the ACPI files in fw_cfg (QEMU hw/acpi/aml-build.h). */
const tables = { loader: 'etc/table-loader', rsdp: 'etc/acpi/rsdp', tables: 'etc/acpi/tables' } as const;

function isTable(file: string): boolean {
  return Object.values<string>(tables).includes(file);
}

function fwCfgFile({ predicted }: AlignedEvent): string | undefined {
  return predicted?.source.kind === 'fw_cfg' ? predicted.source.file : undefined;
}

function isSmbios(row: AlignedEvent): boolean {
  return typeOf(row) === 'EV_EFI_HANDOFF_TABLES' || row.predicted?.dependsOn.includes('smbios') === true;
}

function isTdHob(row: AlignedEvent): boolean {
  return typeOf(row) === 'EV_EFI_HANDOFF_TABLES2' && row.predicted?.source.kind === 'computed';
}

/** What the tables show together: each alone says little. `undefined` when no table differs. */
export function machineFromTables(context: CauseContext): Cause | undefined {
  const ofFile = (file: string): AlignedEvent | undefined =>
    findRows(context, (row) => fwCfgFile(row) === file)[0];
  const hob = findRows(context, (row) => isTdHob(row) && row.relation === 'changed')[0];
  const fromHob = hob && tdHob(hob, context);
  if (fromHob) return fromHob;
  const differs = (file: string): boolean => ofFile(file)?.relation === 'changed';
  const smbios = findRows(context, (row) => isSmbios(row) && row.relation !== 'equal').length > 0;
  const options = context.registers
    .map((register) => compareBootOptions(register, likely))
    .find((cause) => cause !== undefined);
  if (
    options &&
    ['extra-device', 'missing-device'].includes(options.code) &&
    (differs(tables.loader) || differs(tables.tables))
  )
    return likely(options.code, `${options.text}; the ACPI tables show it, too`);
  if (differs(tables.rsdp)) return fromLayout(ofFile(tables.rsdp), context);
  if (differs(tables.loader))
    return likely(
      'acpi',
      'The VMM builds other ACPI tables: other devices, other number of processors, or another version',
    );
  if (differs(tables.tables))
    return likely(
      'ram',
      'The ACPI tables are of the same sizes and differ inside, as with another RAM size; or a device got another address',
    );
  if (smbios)
    return likely(
      'smbios',
      Object.values(tables).some((file) => ofFile(file))
        ? 'The SMBIOS tables differ and ACPI’s do not: other RAM size above 2 GiB, other CPU model, or another version of the VMM'
        : 'The SMBIOS tables differ: other number of processors, other RAM size, other CPU model, or another version of the VMM (this firmware measures no ACPI tables, which would tell more)',
    );
  return undefined;
}

/** Where QEMU puts the RSDT, from the digest of the 20 bytes that point to it. */
function fromLayout(row: AlignedEvent | undefined, context: CauseContext): Cause {
  const [bank] = context.banks;
  const before = row?.predicted && bank && row.predicted.digests[bank];
  const after = bank && row?.observed?.event.digests.get(bank);
  const from = before && bank && solveRsdtOffset(before, bank, context.hasher);
  const to = after && bank && solveRsdtOffset(after, bank, context.hasher);
  if (from === undefined || to === undefined)
    return likely(
      'acpi',
      'The VMM builds other ACPI tables: other devices, other number of processors, or another version',
    );
  const grown = to - from;
  const size = `the ACPI tables are ${Math.abs(grown)} bytes ${grown > 0 ? 'longer' : 'shorter'}`;
  const more = vcpusOf(Math.abs(grown));
  if (more > 0 && smbiosMayShowVcpus(context))
    return likely(
      'vcpus',
      `${more} ${grown > 0 ? 'more' : 'fewer'} ${more === 1 ? 'processor' : 'processors'}: ${size}, which is what ${more === 1 ? 'it takes' : 'they take'}`,
    );
  return likely(
    'acpi',
    `Other devices, with or without other processors, or another version of the VMM: ${size}`,
  );
}

/** Processors stand in SMBIOS, too (type 4): where it is measured and as predicted, their number is not another. */
function smbiosMayShowVcpus(context: CauseContext): boolean {
  const rows = findRows(context, (row) => typeOf(row) === 'EV_EFI_HANDOFF_TABLES');
  return rows.length === 0 || rows.some(({ relation }) => relation !== 'equal');
}

/** How many processors take so many bytes; 0 where it is no whole number of them. */
function vcpusOf(bytes: number): number {
  const count = Math.round(bytes / bytesPerVcpu);
  const rest = bytes - count * bytesPerVcpu;
  return rest >= -3 && rest <= 1 + count / 4 ? count : 0;
}

/**
 * What a processor adds to QEMU's DSDT and MADT in bytes: the second one 91, all others 94 or a little more, as numbers
 * take more bytes as they grow (q35, from the tables that Oasis publishes for 1 to 16).
 */
const bytesPerVcpu = 94;

function tdHob(row: AlignedEvent, context: CauseContext): Cause | undefined {
  const digest = row.observed?.event.digests.get('sha384');
  const found = digest && solveRam(digest, context.hasher);
  return found && proven('ram', `The machine has ${found.memoryBytes / 2 ** 20} MiB of RAM${ramOf(row)}`);
}

function ramOf({ predicted }: AlignedEvent): string {
  const [mib] = /\d+ MiB/.exec(predicted?.description ?? '') ?? [];
  return mib === undefined ? '' : `, predicted were ${mib}`;
}

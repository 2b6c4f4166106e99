import type { Configuration } from './configurations.ts';
import type { Ingredients } from './ingredients.ts';
import { failuresOf, isEqual, notPredicted, type Outcome } from './run.ts';

export const tableFile = new URL('../../docs/boot-matrix.md', import.meta.url);

/** The results as a page for `docs/`. The same results give the same bytes. */
export function matrixTable(outcomes: readonly Outcome[], ingredients: Ingredients): string {
  const frozen = outcomes.filter(({ configuration }) => configuration.afterFreeze);
  const equal = outcomes.filter((outcome) => failuresOf(outcome).length === 0);
  const unknown = outcomes.flatMap((outcome) =>
    notPredicted(outcome).map(({ register, status, reason }) => ({
      name: outcome.configuration.name,
      register,
      status,
      reason,
      result: isEqual(outcome, register) ? 'equal' : 'not compared',
    })),
  );
  const registers = outcomes.reduce((sum, each) => sum + each.registers.length, 0);
  return `${[
    '# Boot matrix',
    '',
    '<!-- Written by `npm run matrix -- --write`; do not edit. -->',
    '',
    'Every configuration below was predicted from files alone, then booted in QEMU (TCG) with OVMF and a software TPM,',
    "and each of PCR 0 to 15 compared in all four banks with the TPM's own log, from power-on to the kernel's leaving",
    'of the firmware. A star marks those that were chosen when no rule was changed any more.',
    '',
    `${outcomes.length} configurations, ${frozen.length} of them starred: ${equal.length} are as predicted. Of ${registers} registers`,
    `${registers - unknown.length} were predicted, each in SHA-1, SHA-256, SHA-384 and SHA-512.`,
    '',
    '| configuration | what it covers | QEMU | OVMF | stub | kernel | machine | disk | result |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...outcomes.map(row),
    '',
    '## Registers without a prediction',
    '',
    ...(unknown.length === 0
      ? ['None.']
      : [
          'Where the firmware alone was run, it gave the value: "equal" says that the boot then had it, too.',
          '',
          '| configuration | register | status | compared | reason |',
          '| --- | --- | --- | --- | --- |',
          ...unknown.map(
            ({ name, register, status, result, reason }) =>
              `| ${name} | ${register} | ${status} | ${result} | ${cell(reason)} |`,
          ),
        ]),
    '',
    '## What was booted with',
    '',
    ...versions(ingredients),
    '',
  ].join('\n')}`;
}

function row(outcome: Outcome): string {
  const { configuration } = outcome;
  const { name, about, qemu, firmware, build, store, image, afterFreeze } = configuration;
  const keys = store === 'empty' ? '' : `, keys: ${store}`;
  const cells = [
    `${name}${afterFreeze ? ' ★' : ''}`,
    about,
    qemu,
    `${firmware}${build === 'plain' ? '' : ` ${build}`}${keys}`,
    image.stub,
    image.kernel,
    machineCell(configuration),
    diskCell(configuration),
    resultCell(outcome),
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

function machineCell({ machine }: Configuration): string {
  const { vcpus, memoryMib, cpu, tpm, machineType } = machine;
  const memory = memoryMib % 1024 === 0 ? `${memoryMib / 1024} GiB` : `${memoryMib} MiB`;
  return [machineType === 'q35' ? '' : machineType, cpu, `${vcpus} CPU`, memory, tpm?.toUpperCase() ?? '']
    .filter((part) => part !== '')
    .join(', ');
}

function diskCell({ machine, layout }: Configuration): string {
  if (layout === 'direct') return '-kernel';
  const disks = machine.devices.flatMap((device) => (device.kind === 'disk' ? [device.interface] : []));
  return `${layout === 'gpt' ? 'GPT' : 'bare FAT'}, ${disks.join(' + ')}`;
}

function resultCell(outcome: Outcome): string {
  const failures = failuresOf(outcome);
  if (failures.length > 0) return `**different**: ${failures.join('; ')}`;
  const unknown = notPredicted(outcome).map(({ register }) => register);
  return unknown.length === 0 ? 'equal' : `equal; ${unknown.join(', ')}: see below`;
}

function versions(ingredients: Ingredients): string[] {
  return ingredients.versions().map(([name, version]) => `- ${name}: ${version}`);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

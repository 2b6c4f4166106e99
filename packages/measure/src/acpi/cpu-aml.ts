import { equalBytes } from '../bytes/compare.ts';
import { indexOfBytes } from '../bytes/search.ts';
import { ascii } from '../bytes/text.ts';
import { concatBytes } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import {
  type AmlEdit,
  type AmlPackage,
  encodeAmlInteger,
  encodePkgLength,
  readAmlPackage,
} from './aml-package.ts';

/** More processors than this are described in another way (x2APIC). */
export const mostVcpus = 254;

/** ACPI 6.5, 20.3: opcodes. */
const op = {
  method: 0x14,
  scope: 0x10,
  if: 0xa0,
  while: 0xa2,
  ext: 0x5b,
  device: 0x82,
  processor: 0x83,
} as const;
const devicePath = concatBytes([Uint8Array.of(0x5c, 0x2e), ascii('_SB_CPUS')]);

/** The places in a DSDT that tell how many processors there are (QEMU hw/acpi/cpu.c `build_cpus_aml`). */
export interface CpuAml {
  readonly vcpus: number;
  /** Packages around the places. */
  readonly packages: readonly AmlPackage[];
  /** The edits that make it another number. */
  readonly edits: (vcpus: number) => AmlEdit[];
}

/**
 * Finds them in the DSDT's AML. Throws `not-found` or `unsupported` when it does not look like QEMU's: nothing is known of
 * other forms.
 */
export function readCpuAml(aml: Uint8Array): CpuAml {
  const device = enclosing(aml, find(aml, devicePath, 0), op.device, true);
  const scope = findScope(aml, device);
  const notify = enclosing(aml, find(aml, ascii('CTFY'), device.contentsOffset), op.method, false);
  const scan = enclosing(aml, find(aml, ascii('CSCN'), device.contentsOffset), op.method, false);
  const outerLoop = loopIn(aml, scan);
  const innerLoop = loopIn(aml, { ...outerLoop, contentsOffset: outerLoop.contentsOffset + 1 });

  // Notify entries fill the method behind its name and flags.
  const entries = notify.contentsOffset + 5;
  const vcpus = countNotifies(aml, entries, notify.end);
  const limit = findLimit(aml, innerLoop, vcpus);
  const firstProcessor = findProcessors(aml, device, vcpus);
  return {
    vcpus,
    packages: [scope, device, notify, scan, outerLoop, innerLoop],
    edits: (count) => [
      { start: entries, end: notify.end, bytes: concatBytes(each(count, notifyEntry)) },
      { start: limit, end: limit + encodeAmlInteger(vcpus).length, bytes: encodeAmlInteger(count) },
      { start: firstProcessor, end: device.end, bytes: concatBytes(each(count, processor)) },
    ],
  };
}

const each = (count: number, make: (index: number) => Uint8Array): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => make(index));

const processorName = (index: number): Uint8Array =>
  ascii(`C${index.toString(16).toUpperCase().padStart(3, '0')}`);

/** If (Arg0 == index) { Notify (Cnnn, Arg1) } */
function notifyEntry(index: number): Uint8Array {
  const contents = concatBytes([
    Uint8Array.of(0x93, 0x68),
    encodeAmlInteger(index),
    Uint8Array.of(0x86),
    processorName(index),
    Uint8Array.of(0x69),
  ]);
  return concatBytes([Uint8Array.of(op.if), encodePkgLength(contents.length), contents]);
}

/** Processor (Cnnn, …) with _STA, _MAT, _EJ0 unless it is the first, and _OST. */
function processor(index: number): Uint8Array {
  const number = encodeAmlInteger(index);
  const contents = concatBytes([
    processorName(index),
    Uint8Array.of(index, 0, 0, 0, 0, 0),
    method('_STA', 0x08, Uint8Array.of(0xa4), ascii('CSTA'), number),
    Uint8Array.of(0x08),
    ascii('_MAT'),
    // A buffer with the processor's entry in the MADT: local APIC, enabled.
    Uint8Array.of(0x11, 0x0b, 0x0a, 0x08, 0, 8, index, index, 1, 0, 0, 0),
    ...(index === 0 ? [] : [method('_EJ0', 1, ascii('CEJ0'), number)]),
    method('_OST', 0x0b, ascii('COST'), number, Uint8Array.of(0x68, 0x69, 0x6a)),
  ]);
  return concatBytes([Uint8Array.of(op.ext, op.processor), encodePkgLength(contents.length), contents]);
}

function method(name: string, flags: number, ...body: readonly Uint8Array[]): Uint8Array {
  const contents = concatBytes([ascii(name), Uint8Array.of(flags), ...body]);
  return concatBytes([Uint8Array.of(op.method), encodePkgLength(contents.length), contents]);
}

function find(aml: Uint8Array, needle: Uint8Array, from: number): number {
  const at = indexOfBytes(aml.subarray(from), needle);
  if (at < 0) throw new MeasureError('not-found', 'The DSDT has no processors as QEMU describes them');
  return from + at;
}

/** The package whose contents begin at `contents`, with that opcode before its length. */
function enclosing(aml: Uint8Array, contents: number, opcode: number, extended: boolean): AmlPackage {
  for (let size = 1; size <= 4; size++) {
    const lengthOffset = contents - size;
    if (aml[lengthOffset - 1] !== opcode || (extended && aml[lengthOffset - 2] !== op.ext)) continue;
    const found = readAmlPackage(aml, lengthOffset);
    if (found.contentsOffset === contents) return found;
  }
  throw new MeasureError('unsupported', `The DSDT's processors are not described as QEMU does it`, {
    offset: contents,
  });
}

/** Scope (_SB) that the device closes. */
function findScope(aml: Uint8Array, device: AmlPackage): AmlPackage {
  const name = ascii('_SB_');
  for (let from = 0; from < device.lengthOffset; ) {
    const at = find(aml.subarray(0, device.lengthOffset), name, from);
    from = at + 1;
    for (let size = 1; size <= 4; size++) {
      if (aml[at - size - 1] !== op.scope) continue;
      const scope = readAmlPackage(aml, at - size);
      if (scope.contentsOffset === at && scope.end >= device.end) return scope;
    }
  }
  throw new MeasureError('unsupported', 'The DSDT’s processors stand in no scope');
}

/** The first loop in the package. */
function loopIn(aml: Uint8Array, { contentsOffset, end }: AmlPackage): AmlPackage {
  for (let at = contentsOffset; at < end; at++) {
    if (aml[at] !== op.while) continue;
    const loop = readAmlPackage(aml, at + 1);
    // While (LEqual (…)) or While (LAnd (…)).
    if (loop.end <= end && [0x93, 0x90].includes(aml[loop.contentsOffset] ?? 0)) return loop;
  }
  throw new MeasureError('unsupported', 'The DSDT does not look for processors as QEMU’s does');
}

function countNotifies(aml: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let index = 0; index <= mostVcpus; index++) {
    if (at === end && index > 0) return index;
    const wanted = notifyEntry(index);
    if (at + wanted.length > end || !equalBytes(aml.subarray(at, at + wanted.length), wanted)) break;
    at += wanted.length;
  }
  throw new MeasureError('unsupported', 'The DSDT tells of its processors in another way than QEMU does', {
    offset: at,
  });
}

/** Where the inner loop compares Local3 with the number of processors: LLess (Local3, number). */
function findLimit(aml: Uint8Array, loop: AmlPackage, vcpus: number): number {
  const wanted = concatBytes([Uint8Array.of(0x95, 0x63), encodeAmlInteger(vcpus)]);
  const at = find(aml.subarray(0, loop.end), wanted, loop.contentsOffset);
  return at + 2;
}

/** Where the processors begin that fill the device to its end. */
function findProcessors(aml: Uint8Array, device: AmlPackage, vcpus: number): number {
  const wanted = concatBytes(each(vcpus, processor));
  const start = device.end - wanted.length;
  if (start <= device.contentsOffset || !equalBytes(aml.subarray(start, device.end), wanted)) {
    throw new MeasureError(
      'unsupported',
      'The DSDT’s processors are not numbered one after the other, or described in another way than QEMU does',
    );
  }
  return start;
}

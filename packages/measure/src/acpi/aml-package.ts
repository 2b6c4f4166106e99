import { Reader } from '../bytes/reader.ts';
import { concatBytes } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';

/** A stretch of AML that says its own length: opcode, PkgLength, contents (ACPI 6.5, 20.2.4). Offsets in the AML. */
export interface AmlPackage {
  /** Of PkgLength, behind the opcode. */
  readonly lengthOffset: number;
  readonly contentsOffset: number;
  readonly end: number;
}

/** Bytes to be put in the place of others. */
export interface AmlEdit {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** Reads PkgLength at that offset. Throws `truncated` or `malformed` when the package does not fit. */
export function readAmlPackage(aml: Uint8Array, lengthOffset: number): AmlPackage {
  const reader = new Reader(aml.subarray(lengthOffset), 'PkgLength', lengthOffset);
  const first = reader.u8('PkgLeadByte');
  const more = first >> 6;
  let length = more === 0 ? first & 0x3f : first & 0x0f;
  for (let index = 0; index < more; index++) length |= reader.u8('ByteData') << (4 + 8 * index);
  const contentsOffset = reader.offset;
  const end = lengthOffset + length;
  if (end < contentsOffset || end > aml.length)
    throw reader.error('malformed', 'PkgLength', `${length} bytes do not fit`, lengthOffset);
  return { lengthOffset, contentsOffset, end };
}

/** PkgLength for contents of that many bytes, in as few bytes as QEMU takes (hw/acpi/aml-build.c `build_prepend_package_length`). */
export function encodePkgLength(contentsLength: number): Uint8Array {
  if (contentsLength + 1 < 1 << 6) return Uint8Array.of(contentsLength + 1);
  const size = [2, 3, 4].find((bytes) => contentsLength + bytes < 2 ** (8 * bytes - 4)) ?? 0;
  if (size === 0) throw new MeasureError('unsupported', `No AML package has ${contentsLength} bytes`);
  const length = contentsLength + size;
  const bytes = [((size - 1) << 6) | (length & 0x0f)];
  for (let index = 1; index < size; index++) bytes.push((length >> (8 * index - 4)) & 0xff);
  return Uint8Array.from(bytes);
}

/** An integer as QEMU writes it (hw/acpi/aml-build.c `aml_int`). */
export function encodeAmlInteger(value: number): Uint8Array {
  if (value <= 1) return Uint8Array.of(value);
  if (value <= 0xff) return Uint8Array.of(0x0a, value);
  return Uint8Array.of(0x0b, value & 0xff, value >> 8);
}

/**
 * The AML with the edits, and with the lengths of the packages around them made right. `packages` are all that enclose an
 * edit; edits and packages that overlap without one holding the other are an error in the caller.
 */
export function rewriteAml(
  aml: Uint8Array,
  packages: readonly AmlPackage[],
  edits: readonly AmlEdit[],
): Uint8Array {
  return concatBytes(rewriteRange(aml, 0, aml.length, packages, edits));
}

function rewriteRange(
  aml: Uint8Array,
  start: number,
  end: number,
  packages: readonly AmlPackage[],
  edits: readonly AmlEdit[],
): Uint8Array[] {
  const inside = packages.filter((each) => each.lengthOffset >= start && each.end <= end);
  const outermost = inside.filter(
    (each) =>
      !inside.some(
        (other) => other !== each && other.contentsOffset <= each.lengthOffset && other.end >= each.end,
      ),
  );
  const changes = [
    ...outermost.map((each) => ({
      start: each.lengthOffset,
      end: each.end,
      parts: () => {
        const contents = concatBytes(
          rewriteRange(
            aml,
            each.contentsOffset,
            each.end,
            inside.filter((other) => other !== each),
            edits,
          ),
        );
        return [encodePkgLength(contents.length), contents];
      },
    })),
    ...edits
      .filter((edit) => edit.start >= start && edit.end <= end)
      .filter((edit) => !outermost.some((each) => each.contentsOffset <= edit.start && each.end >= edit.end))
      .map((edit) => ({ start: edit.start, end: edit.end, parts: () => [edit.bytes] })),
  ].toSorted((a, b) => a.start - b.start);
  const parts: Uint8Array[] = [];
  let at = start;
  for (const change of changes) {
    parts.push(aml.subarray(at, change.start), ...change.parts());
    at = change.end;
  }
  return [...parts, aml.subarray(at, end)];
}

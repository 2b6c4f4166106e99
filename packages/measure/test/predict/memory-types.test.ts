import { describe, expect, it } from 'vitest';
import { concatBytes, Writer } from '../../src/bytes/writer.ts';
import { encodeMemoryTypes } from '../../src/predict/memory-types.ts';
import { addVariables } from '../../src/uefi/variable-store.ts';
import { emptyStore } from './empty-store.ts';

function table(...entries: readonly (readonly [type: number, pages: number])[]): Uint8Array {
  const writer = new Writer();
  for (const [type, pages] of entries) writer.u32(type).u32(pages);
  return writer.finish();
}

const own = table([10, 128], [9, 18], [0, 128], [5, 256], [6, 256], [16, 0]);
const store = (data: Uint8Array) =>
  addVariables(emptyStore(), [
    { guid: '4c19049f-4137-4dd3-9c10-8b97a83ffdfa', name: 'MemoryTypeInformation', attributes: 3, data },
  ]);

describe('encodeMemoryTypes()', () => {
  it('takes over what is larger in the variable', () => {
    // The variable of Debian's OVMF_VARS_4M.ms.fd, as a boot has shown; and a smaller one.
    const variable = table([10, 128], [9, 18], [0, 128], [5, 256], [6, 582], [16, 0]);
    expect(encodeMemoryTypes(own, store(variable))).toEqual(
      table([10, 128], [9, 18], [0, 128], [5, 256], [6, 582], [16, 0]),
    );
    expect(encodeMemoryTypes(own, store(table([6, 1], [16, 9])))).toEqual(own);
  });

  it('is the volume’s own without a variable or a store', () => {
    expect(encodeMemoryTypes(concatBytes([own, new Uint8Array(8)]), undefined)).toEqual(own);
    expect(encodeMemoryTypes(own, emptyStore())).toEqual(own);
  });

  it('refuses a volume without the table', () => {
    expect(() => encodeMemoryTypes(new Uint8Array(48), undefined)).toThrow('no table of memory types');
    expect(() => encodeMemoryTypes(own.subarray(8), undefined)).toThrow('no table of memory types');
  });
});

import { ascii } from '../bytes/text.ts';
import { defaultHasher, type Hasher, type HashState } from '../hash.ts';
import { type Tdvf, type TdvfSection, tdvfSectionData } from './tdvf.ts';

/**
 * In which order a VMM adds a section's pages and extends MRTD with their contents:
 * - `single-pass`: each page is added and extended before the next one (KVM_TDX_INIT_MEM_REGION: upstream QEMU);
 * - `two-pass`: all pages of the section are added, then all are extended (QEMU 8.2 with Canonical's or Intel's
 *   patches).
 *
 * The contents are the same, the digest is not.
 */
export type MrtdOrder = 'single-pass' | 'two-pass';
export const mrtdOrders: readonly MrtdOrder[] = ['single-pass', 'two-pass'];

const pageSize = 0x1000;
/** TDH.MR.EXTEND takes this many bytes at a time (Intel TDX Module Base Architecture Specification, "TDH.MR.EXTEND"). */
const chunkSize = 0x100;
/** Both leaf functions extend with a buffer of this size: the function's name, and the address at 16. */
const bufferSize = 128;
const addressOffset = 16;

/**
 * MRTD: SHA-384 over what TDH.MEM.PAGE.ADD and TDH.MR.EXTEND feed it for each section, in the order of the metadata
 * (Intel TDX Module Base Architecture Specification, 12.2; QEMU target/i386/kvm/tdx.c `tdx_finalize_vm`). Nothing but the
 * firmware and that order goes in.
 */
export function computeMrtd(
  firmware: Uint8Array,
  tdvf: Tdvf,
  order: MrtdOrder,
  hasher: Hasher = defaultHasher,
): Uint8Array {
  const state = hasher('sha384');
  for (const section of tdvf.sections) extendWithSection(state, firmware, section, order);
  return Uint8Array.from(state.digest());
}

function extendWithSection(
  state: HashState,
  firmware: Uint8Array,
  section: TdvfSection,
  order: MrtdOrder,
): void {
  // QEMU gives pages that are augmented later no content to measure.
  if (section.augmented) return;
  const add = new Operation('MEM.PAGE.ADD');
  const extend = new Operation('MR.EXTEND');
  const data = tdvfSectionData(firmware, section);
  const extendPage = (offset: number): void => {
    for (let chunk = offset; chunk < offset + pageSize; chunk += chunkSize) {
      extend.feed(state, section.gpa + chunk);
      state.update(chunkAt(data, chunk));
    }
  };
  for (let offset = 0; offset < section.memorySize; offset += pageSize) {
    add.feed(state, section.gpa + offset);
    if (section.extended && order === 'single-pass') extendPage(offset);
  }
  if (section.extended && order === 'two-pass') {
    for (let offset = 0; offset < section.memorySize; offset += pageSize) extendPage(offset);
  }
}

const zeroChunk = new Uint8Array(chunkSize);

/** Memory behind the section's contents is zero. */
function chunkAt(data: Uint8Array, offset: number): Uint8Array {
  if (offset + chunkSize <= data.length) return data.subarray(offset, offset + chunkSize);
  if (offset >= data.length) return zeroChunk;
  const chunk = new Uint8Array(chunkSize);
  chunk.set(data.subarray(offset));
  return chunk;
}

/** The buffer of one leaf function, used again for every call. */
class Operation {
  readonly #buffer = new Uint8Array(bufferSize);
  readonly #view = new DataView(this.#buffer.buffer);

  constructor(name: string) {
    this.#buffer.set(ascii(name));
  }

  feed(state: HashState, gpa: number): void {
    this.#view.setUint32(addressOffset, gpa >>> 0, true);
    this.#view.setUint32(addressOffset + 4, Math.floor(gpa / 2 ** 32), true);
    state.update(this.#buffer);
  }
}

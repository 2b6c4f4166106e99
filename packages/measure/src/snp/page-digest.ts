import { MeasureError } from '../error.ts';
import { type Hasher, hash } from '../hash.ts';
import { pageSize } from './sev-metadata.ts';

/** PAGE_TYPE (SEV-SNP Firmware ABI 1.55, table 67). */
const pageTypes = { normal: 1, vmsa: 2, zero: 3, unmeasured: 4, secrets: 5, cpuid: 6 } as const;
export type PageType = keyof typeof pageTypes;

/** Address under which a VMSA is measured: that of KVM (arch/x86/kvm/svm/sev.c `INITIAL_VMSA_GPA`). */
export const vmsaGpa = 0xffff_ffff_f000n;

const digestSize = 48;
const noContents = new Uint8Array(digestSize);

/** LD before the first page (SEV-SNP Firmware ABI 1.55, 8.17.2). */
const initialLaunchDigest = new Uint8Array(digestSize);

/**
 * The running launch digest: each page replaces it by the SHA-384 of PAGE_INFO, which holds the digest so far, the
 * digest of the page's contents or zeros, type, and address (SEV-SNP Firmware ABI 1.55, 8.17.2, table 69).
 */
export class PageDigest {
  readonly #hasher: Hasher;
  // One buffer for all pages: DIGEST_CUR 0x00, CONTENTS 0x30, LENGTH 0x60, PAGE_TYPE 0x62, permissions 0, GPA 0x68.
  readonly #info = new Uint8Array(0x70);
  readonly #view = new DataView(this.#info.buffer);

  /** Goes on from a digest that was computed before. */
  constructor(hasher: Hasher, start: Uint8Array = initialLaunchDigest) {
    if (start.length !== digestSize) {
      throw new MeasureError('malformed', `Launch digest: needs ${digestSize} bytes, has ${start.length}`);
    }
    this.#hasher = hasher;
    this.#info.set(start);
    this.#view.setUint16(0x60, 0x70, true);
  }

  /** The digest after all pages so far. */
  get value(): Uint8Array {
    return this.#info.slice(0, digestSize);
  }

  /** Pages whose contents count. */
  addContents(type: 'normal' | 'vmsa', gpa: bigint, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += pageSize) {
      const contents = hash(this.#hasher, 'sha384', bytes.subarray(at, at + pageSize));
      this.#add(type, gpa + BigInt(at), contents);
    }
  }

  /** Pages of which only type and address count. */
  addRange(type: Exclude<PageType, 'normal' | 'vmsa'>, gpa: bigint, size: number): void {
    for (let at = 0; at < size; at += pageSize) this.#add(type, gpa + BigInt(at), noContents);
  }

  #add(type: PageType, gpa: bigint, contents: Uint8Array): void {
    this.#info.set(contents, 0x30);
    this.#view.setUint8(0x62, pageTypes[type]);
    this.#view.setBigUint64(0x68, gpa, true);
    this.#info.set(hash(this.#hasher, 'sha384', this.#info));
  }
}

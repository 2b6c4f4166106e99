import { createHash } from 'node:crypto';

/** What is measured: the image, and the head of the disk that it is booted from. */
export interface MeasuredImage {
  readonly uki: Uint8Array;
  /** The disk's first sectors with the whole partition table; absent where there is no disk. */
  readonly diskHead: Uint8Array | undefined;
  /** What lies beside the image on its disk, by path; absent where nothing does. */
  readonly sideFiles?: Readonly<Record<string, Uint8Array>>;
  /** Text of the kernel's final configuration; absent where the image alone is known. */
  readonly kernelConfig: string | undefined;
}

const digests = new WeakMap<Uint8Array, string>();

/** SHA-256 of an image, in hex; of large ones it takes a quarter of a second, and is wanted more than once. */
export function imageSha256(uki: Uint8Array): string {
  const digest = digests.get(uki) ?? createHash('sha256').update(uki).digest('hex');
  digests.set(uki, digest);
  return digest;
}

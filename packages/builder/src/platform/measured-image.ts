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

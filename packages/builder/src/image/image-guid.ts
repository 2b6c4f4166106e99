import { createHash } from 'node:crypto';

/**
 * A GUID that follows from an image's digest, so that the same image always lies on the same disk: RFC 9562 §5.8
 * (version 8: the bits are the application's own), the first 128 bits of SHA-256 over purpose, NUL and digest.
 */
export function imageGuid(imageDigest: string, purpose: string): string {
  const bytes = createHash('sha256').update(`${purpose}\0${imageDigest}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80; // version
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80; // variant, RFC 9562 §4.1
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** FAT volume ID (32 bits) that follows from an image's digest. */
export function imageVolumeId(imageDigest: string): number {
  return createHash('sha256').update(`fat volume\0${imageDigest}`).digest().readUInt32LE(0);
}

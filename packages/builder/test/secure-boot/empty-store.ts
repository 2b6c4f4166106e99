/** An empty variable store of edk2's with room for a few keys: volume header, store header, erased flash. */
export function emptyVariableStore(room = 0x8000): Uint8Array {
  const bytes = Buffer.alloc(72 + 28 + room, 0xff);
  bytes.fill(0, 0, 72 + 28);
  bytes.write('8d2bf1ff96768b4ca9852747075b4f50', 16, 'hex');
  bytes.writeBigUInt64LE(BigInt(bytes.length), 32);
  bytes.write('_FVH', 40);
  bytes.writeUInt16LE(72, 48);
  bytes.write('782cf3aa7b949a43a1802e144ec37792', 72, 'hex');
  bytes.writeUInt32LE(28 + room, 88);
  bytes.writeUInt8(0x5a, 92);
  bytes.writeUInt8(0xfe, 93);
  return new Uint8Array(bytes);
}

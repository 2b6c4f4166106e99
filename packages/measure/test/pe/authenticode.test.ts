import { describe, expect, it } from 'vitest';
import { authenticodeDigest, readPe, toHex } from '../../src/index.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';

interface Expected {
  cases: { file: string; sha256: string; padded_sha256: string }[];
}

describe.skipIf(!haveVectors)('authenticodeDigest() equals what go-uefi publishes', () => {
  const { cases } = haveVectors ? vectorJson<Expected>('authenticode/go-uefi/expected.json') : { cases: [] };

  for (const { file, sha256, padded_sha256 } of cases) {
    const name = file.split('/').at(-1) ?? file;
    it(`hashes ${name} as it is, and padded to eight bytes`, () => {
      const bytes = vectorBytes('authenticode/go-uefi', name);
      expect(toHex(authenticodeDigest(bytes, readPe(bytes), 'sha256'))).toBe(sha256);
      const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
      padded.set(bytes);
      expect(toHex(authenticodeDigest(padded, readPe(padded), 'sha256'))).toBe(padded_sha256);
    });
  }
});

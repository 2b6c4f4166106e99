import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/hex.ts';
import { MeasureError } from '../../src/error.ts';
import { defaultHasher, hash } from '../../src/hash.ts';
import { pcrDigest, policyAuthorize, policyOr, policyPcr } from '../../src/tpm/policy.ts';
import { rsaKeyName } from '../../src/tpm/rsa-key-name.ts';
import { encodePcrSelection, formatPcrSelection, pcrSelection } from '../../src/tpm/selection.ts';

const zeros = new Uint8Array(32);

describe('pcrSelection()', () => {
  it('sorts the PCRs and takes each once', () => {
    expect(pcrSelection('sha256', [11, 4, 11])).toEqual({ bank: 'sha256', pcrs: [4, 11] });
  });

  it.each([[[]], [[-1]], [[24]], [[1.5]], [[Number.NaN]]])('refuses %j', (pcrs) => {
    expect(() => pcrSelection('sha256', pcrs)).toThrow(MeasureError);
  });
});

describe('encodePcrSelection()', () => {
  it('writes TPML_PCR_SELECTION big-endian, the lowest PCR in the lowest bit', () => {
    expect(toHex(encodePcrSelection(pcrSelection('sha256', [0, 4, 11, 23])))).toBe('00000001000b03110880');
    expect(toHex(encodePcrSelection(pcrSelection('sha384', [15])))).toBe('00000001000c03008000');
  });
});

describe('formatPcrSelection()', () => {
  it('writes what the TPM2 tools read', () => {
    expect(formatPcrSelection(pcrSelection('sha1', [4, 9]))).toBe('sha1:4,9');
  });
});

describe('policyPcr()', () => {
  it('hashes command code, selection and the digest of the values', () => {
    const selection = pcrSelection('sha256', [11]);
    const composite = hash(defaultHasher, 'sha256', zeros);
    const expected = hash(
      defaultHasher,
      'sha256',
      zeros,
      fromHex('0000017f'),
      fromHex('00000001000b03000800'),
      composite,
    );
    expect(pcrDigest(selection, [zeros])).toEqual(composite);
    expect(policyPcr(selection, [zeros])).toEqual(expected);
  });

  it('is of the size of the policy algorithm, whatever the bank', () => {
    const values = [new Uint8Array(48)];
    expect(policyPcr(pcrSelection('sha384', [11]), values)).toHaveLength(32);
    expect(policyPcr(pcrSelection('sha384', [11]), values, { algorithm: 'sha384' })).toHaveLength(48);
  });

  it.each([
    ['too few values', [zeros]],
    ['values of another bank', [new Uint8Array(20), new Uint8Array(20)]],
  ])('refuses %s', (_, values) => {
    expect(() => policyPcr(pcrSelection('sha256', [4, 11]), values)).toThrow(
      '2 values of 32 bytes are needed',
    );
  });
});

describe('policyOr()', () => {
  it('hashes command code and branches from a zero policy', () => {
    const branches = [zeros, zeros.fill(1, 0, 0)];
    expect(policyOr(branches)).toEqual(
      hash(defaultHasher, 'sha256', new Uint8Array(32), fromHex('00000171'), ...branches),
    );
  });

  it.each([[0], [1], [9]])('refuses %i branches', (count) => {
    expect(() => policyOr(Array.from({ length: count }, () => zeros))).toThrow('takes 2 to 8 branches');
  });

  it('refuses a branch that is no digest of the policy algorithm', () => {
    expect(() => policyOr([zeros, new Uint8Array(20)])).toThrow(MeasureError);
  });
});

describe('policyAuthorize()', () => {
  it('hashes twice: the key’s Name, and then policyRef', () => {
    const name = fromHex(`000b${'ab'.repeat(32)}`);
    const inner = hash(defaultHasher, 'sha256', zeros, fromHex('0000016a'), name);
    expect(policyAuthorize(name)).toEqual(hash(defaultHasher, 'sha256', inner));
    expect(policyAuthorize(name, Uint8Array.of(7))).toEqual(
      hash(defaultHasher, 'sha256', inner, Uint8Array.of(7)),
    );
  });
});

describe('rsaKeyName()', () => {
  const modulus = new Uint8Array(256).fill(0xc3);

  it('is the algorithm and the digest of TPMT_PUBLIC', () => {
    const tpmtPublic = fromHex(`0001000b0006004000000010001008000001000101${'00'}${'c3'.repeat(256)}`);
    expect(tpmtPublic).toHaveLength(2 + 2 + 4 + 2 + 2 + 2 + 2 + 4 + 2 + 256);
    expect(toHex(rsaKeyName(modulus, 65537))).toBe(`000b${toHex(hash(defaultHasher, 'sha256', tpmtPublic))}`);
  });

  it('is another one where the public area writes the same exponent as 0', () => {
    expect(rsaKeyName(modulus, 0)).not.toEqual(rsaKeyName(modulus, 65537));
  });

  it('refuses a modulus with leading zeros', () => {
    expect(() => rsaKeyName(new Uint8Array(256), 65537)).toThrow('leading zeros');
    expect(() => rsaKeyName(new Uint8Array(), 65537)).toThrow(MeasureError);
  });
});

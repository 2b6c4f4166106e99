import { readPe } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../measure/src/bytes/writer.ts';
import { makePe } from '../../../measure/test/make-pe.ts';
import { attachSignatures, makeIdentity, makeSignature } from '../../../measure/test/make-signature.ts';
import { checkSignedImage } from '../../src/secure-boot/signed-image.ts';

const built = makePe([{ name: '.data', data: Uint8Array.of(1, 2, 3) }]);
const own = makeIdentity('own');
const sign = (image: Uint8Array): Uint8Array => attachSignatures(image, makeSignature(image, own));
const check = (signed: Uint8Array, image = built): void => checkSignedImage(image, signed, 'signed.efi');

describe('checkSignedImage()', () => {
  it('takes the built image with a signature, and with several', () => {
    check(sign(built));
    check(attachSignatures(built, makeSignature(built, own), makeSignature(built, own)));
  });

  it('takes another CheckSum, and zeros up to a multiple of eight', () => {
    const signed = sign(built);
    new DataView(signed.buffer).setUint32(readPe(built).checkSumOffset, 0x1234, true);
    check(signed);
    check(sign(concatBytes([built, new Uint8Array(3)])), concatBytes([built, new Uint8Array(0)]));
  });

  it('takes an image that was signed before and is signed again', () => {
    const once = sign(built);
    const twice = attachSignatures(built, makeSignature(built, own), makeSignature(built, own));
    check(once);
    check(twice);
  });

  it.each([
    ['an unsigned image', built, 'is not signed'],
    ['no image', new Uint8Array(100), 'is no EFI image'],
    ['more bytes behind the signature', concatBytes([sign(built), new Uint8Array(8)]), 'in an odd place'],
    ['another image', sign(makePe([{ name: '.data', data: Uint8Array.of(1, 2, 4) }])), 'is another image'],
    [
      'bytes between image and signature',
      sign(concatBytes([built, Uint8Array.of(1, 0, 0, 0)])),
      'another image',
    ],
    ['eight zeros before the signature', sign(concatBytes([built, new Uint8Array(8)])), 'is another image'],
    ['a shorter image', attachSignatures(built.subarray(0, -512), new Uint8Array(64)), 'in an odd place'],
  ])('refuses %s', (_, signed, problem) => {
    expect(() => check(signed)).toThrow(problem);
  });

  it('refuses any other change', () => {
    for (let at = 0; at < built.length; at += 97) {
      const changed = sign(built);
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      const { checkSumOffset: sum, certificateEntryOffset: entry = 0 } = readPe(built);
      if ((at >= sum && at < sum + 4) || (at >= entry && at < entry + 8)) continue;
      expect(() => check(changed)).toThrow();
    }
  });
});

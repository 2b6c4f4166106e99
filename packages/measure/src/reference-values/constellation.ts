import { encodeJson } from './encode.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered, valueHex } from './subject.ts';

/**
 * Constellation's names for a kind of platform, and the bank that its verifier reads. Kinds that aren't here have no
 * attestation variant that compares registers of an image.
 */
const variants: Readonly<
  Record<string, { readonly csp: string; readonly variant: string; readonly bank: 'sha256' | 'sha384' }>
> = {
  'qemu-tpm': { csp: 'QEMU', variant: 'qemu-vtpm', bank: 'sha256' },
  'aws-nitrotpm': { csp: 'AWS', variant: 'aws-nitro-tpm', bank: 'sha256' },
  'qemu-tdx': { csp: 'QEMU', variant: 'qemu-tdx', bank: 'sha384' },
};

/**
 * Measurements of an image as Constellation distributes them, one file an image (`ImageMeasurementsV2`,
 * internal/attestation/measurements): for each provider and attestation variant registers by number (PCRs; for TDX 0
 * MRTD, 1 to 4 RTMR 0 to 3), the expected value in hex, and whether a difference is only warned of. Names of the
 * providers and variants: internal/cloud/cloudprovider, internal/attestation/variant.
 */
export function writeConstellation(subjects: readonly Subject[]): Written {
  const known = subjects.flatMap((subject) => {
    const variant = variants[subject.kind];
    return variant?.bank !== undefined && subject.banks.includes(variant.bank)
      ? [{ subject, ...variant }]
      : [];
  });
  const notWritten = subjects
    .filter((subject) => !known.some((each) => each.subject === subject))
    .map(({ image, platform, kind }) => ({
      image,
      platform,
      reason: variants[kind]
        ? `Constellation reads bank ${variants[kind].bank}, which is not among the banks`
        : `Constellation has no attestation variant that compares the registers of kind "${kind}"`,
    }));
  const images = new Map(known.map(({ subject: { image } }) => [`${image.name}-${image.version}`, image]));
  const files = [...images].map(([name, image]) => {
    const entries = known.filter(({ subject }) => subject.image === image);
    return {
      path: images.size === 1 ? 'constellation.json' : `constellation/${name}.json`,
      bytes: encodeJson({
        version: `v${image.version}`,
        ref: '-',
        stream: 'stable',
        list: entries.map(({ subject, csp, variant, bank }) => ({
          csp,
          attestationVariant: variant,
          measurements: Object.fromEntries(
            subject.pinned.map((register) => [
              register.registerIndex,
              { expected: valueHex(register, bank), warnOnly: false },
            ]),
          ),
        })),
      }),
      covers: entries.flatMap(({ subject, bank }) => covered(subject, subject.pinned, [bank])),
      leavesOut: entries.flatMap(({ subject }) => subject.leftOut),
    };
  });
  return { files, notWritten };
}

export { equalBytes } from './bytes/compare.ts';
export { formatGuid, parseGuid } from './bytes/guid.ts';
export { fromHex, toHex } from './bytes/hex.ts';
export { MeasureError, type MeasureErrorCode } from './error.ts';
export {
  defaultHasher,
  digestSizes,
  type Hasher,
  type HashName,
  type HashState,
  hash,
  hashNames,
} from './hash.ts';
export { type AuthenticodeRange, authenticodeDigest, authenticodeRanges } from './pe/authenticode.ts';
export { type PeDataDirectory, type PeImage, type PeSection, readPe } from './pe/image.ts';
export { type LoadedSection, loadedBytes, loadSection } from './pe/section.ts';
export { checkPe, type PeProblem, type PeProblemCode } from './pe/validate.ts';
export { readStubVersion, type StubVersion } from './uki/stub.ts';
export { checkUki, type UkiProblem } from './uki/validate.ts';

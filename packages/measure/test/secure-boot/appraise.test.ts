import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  appraiseImage,
  authenticodeDigest,
  encodeCertificateLists,
  encodeSignatureList,
  type ImageAppraisal,
  parseCertificate,
  readPe,
  signatureTypes,
} from '../../src/index.ts';
import { makePe } from '../make-pe.ts';
import { attachSignatures, type MadeIdentity, makeIdentity, makeSignature } from '../make-signature.ts';

const owner = '11111111-2222-3333-4444-555555555555';
const image = makePe([{ name: '.data', data: ascii('data') }]);
const own = makeIdentity('own');
const other = makeIdentity('other');
const root = makeIdentity('Root  CA', { ca: true, keyUsage: 0x04 });
const intermediate = makeIdentity('intermediate', { issuer: root, ca: true, pathLength: 0 });
const leaf = makeIdentity('leaf', { issuer: intermediate, ca: false });

const none = new Uint8Array(0);
const certificates = (...identities: readonly MadeIdentity[]): Uint8Array =>
  encodeCertificateLists(
    owner,
    identities.map(({ certificate }) => certificate),
  );
const digests = (...all: readonly Uint8Array[]): Uint8Array =>
  encodeSignatureList(
    signatureTypes.sha256,
    all.map((data) => ({ owner, data })),
  );
const digest = authenticodeDigest(image, readPe(image), 'sha256');
const unrelated = new Uint8Array(32).fill(7);
const tbsDigest = ({ certificate }: MadeIdentity): Uint8Array =>
  new Uint8Array(createHash('sha256').update(parseCertificate(certificate).tbs).digest());
const revoked = (identity: MadeIdentity, time = new Uint8Array(16)): Uint8Array =>
  encodeSignatureList(signatureTypes.x509Sha256, [{ owner, data: concatBytes([tbsDigest(identity), time]) }]);
const signedBy = (signer: MadeIdentity, ...others: readonly MadeIdentity[]): Uint8Array =>
  attachSignatures(image, makeSignature(image, signer, { others }));

function appraise(
  bytes: Uint8Array,
  databases: { db?: Uint8Array; dbx?: Uint8Array; dbt?: Uint8Array },
): ImageAppraisal {
  return appraiseImage(bytes, { db: none, dbx: none, dbt: none, ...databases });
}

/** Who vouched, or the verdict. */
function outcome(...args: Parameters<typeof appraise>): string {
  const answer = appraise(...args);
  return answer.verdict === 'allowed' ? answer.authority.description : answer.verdict;
}

describe('appraiseImage() of an unsigned image', () => {
  it('takes the digest in db, wherever it stands there', () => {
    const db = concatBytes([certificates(own), digests(unrelated, digest)]);
    const answer = appraise(image, { db });
    expect(answer).toMatchObject({ verdict: 'allowed' });
    // Owner and digest, as they stand in db.
    if (answer.verdict === 'allowed') expect(answer.authority.encoded).toEqual(digests(digest).subarray(28));
  });

  it('refuses it without an entry in db, or with one in dbx', () => {
    expect(appraise(image, { db: certificates(own) })).toEqual({
      verdict: 'refused',
      reason: 'it is not signed, and db does not hold its digest',
    });
    expect(outcome(image, { db: digests(digest), dbx: digests(digest) })).toBe('refused');
  });
});

describe('appraiseImage() of a signed image', () => {
  it('takes the signer’s certificate in db', () => {
    expect(outcome(signedBy(own), { db: certificates(other, own) })).toBe('certificate "own"');
    expect(appraise(signedBy(own), { db: certificates(own) })).toMatchObject({
      authority: { encoded: certificates(own).subarray(28) },
    });
  });

  it('refuses another signer', () => {
    expect(outcome(signedBy(other), { db: certificates(own) })).toBe('refused');
  });

  it('verifies the signature itself', () => {
    const forged = { ...own, key: other.key };
    expect(outcome(signedBy(forged), { db: certificates(own) })).toBe('refused');
    const bare = attachSignatures(image, makeSignature(image, own, { attributes: false }));
    expect(outcome(bare, { db: certificates(own) })).toBe('certificate "own"');
    const bareForged = attachSignatures(image, makeSignature(image, forged, { attributes: false }));
    expect(outcome(bareForged, { db: certificates(own) })).toBe('refused');
  });

  it('refuses an image that was changed after it was signed', () => {
    const changed = Uint8Array.from(signedBy(own));
    changed[changed.indexOf(ascii('d')[0] ?? 0, 0x800)] = 0x44;
    expect(outcome(changed, { db: certificates(own) })).toBe('refused');
    const elsewhere = attachSignatures(image, makeSignature(image, own, { digest: unrelated }));
    expect(outcome(elsewhere, { db: certificates(own) })).toBe('refused');
  });

  it.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)('knows signatures over %s', (hash) => {
    const signed = attachSignatures(image, makeSignature(image, own, { hash }));
    expect(outcome(signed, { db: certificates(own) })).toBe('certificate "own"');
  });

  it('follows the chain to any certificate in db', () => {
    const signed = signedBy(leaf, intermediate, root);
    for (const [trusted, title] of [
      [leaf, 'leaf'],
      [intermediate, 'intermediate'],
      [root, 'Root  CA'],
    ] as const)
      expect(outcome(signed, { db: certificates(trusted) })).toBe(`certificate "${title}"`);
    expect(outcome(signedBy(leaf), { db: certificates(root) })).toBe('refused');
    expect(outcome(signedBy(leaf), { db: certificates(intermediate) })).toBe('certificate "intermediate"');
  });

  it('takes the first certificate of db that fits, not the nearest', () => {
    const signed = signedBy(leaf, intermediate, root);
    expect(outcome(signed, { db: certificates(root, leaf) })).toBe('certificate "Root  CA"');
  });

  it('compares names without regard to case, spaces and string type', () => {
    const printable = makeIdentity('leaf 2', {
      issuer: { ...root, name: 'root ca ' },
      issuerNameTag: 0x13,
    });
    expect(outcome(signedBy(printable), { db: certificates(root) })).toBe('certificate "Root  CA"');
  });

  it('refuses issuers that are no authorities, or have no room', () => {
    const plain = makeIdentity('plain', { ca: false });
    const signing = makeIdentity('signing', { ca: true, keyUsage: 0x80 });
    const deep = makeIdentity('deep', { issuer: intermediate, ca: true });
    for (const issuer of [plain, signing]) {
      const below = makeIdentity('below', { issuer });
      expect(outcome(signedBy(below), { db: certificates(issuer) })).toBe('refused');
    }
    const below = makeIdentity('below', { issuer: deep });
    expect(outcome(signedBy(below, deep, intermediate), { db: certificates(intermediate) })).toBe('refused');
    expect(outcome(signedBy(below, deep, intermediate), { db: certificates(deep) })).toBe(
      'certificate "deep"',
    );
  });

  it('does not judge name constraints', () => {
    const constrained = makeIdentity('constrained', { ca: true, nameConstraints: true });
    const below = makeIdentity('below', { issuer: constrained });
    expect(appraise(signedBy(below), { db: certificates(constrained) })).toMatchObject({
      verdict: 'unknown',
      reason: 'certificate "constrained" has an extension that this version has no rules for',
    });
  });

  it('prefers a certificate to the digest, which comes after it in a signature’s turn', () => {
    const db = concatBytes([digests(digest), certificates(own)]);
    expect(outcome(signedBy(own), { db })).toBe('certificate "own"');
    expect(outcome(signedBy(other), { db })).toMatch('the image’s digest');
  });

  it('tries each signature, and the first that fits counts', () => {
    const signed = attachSignatures(image, makeSignature(image, other), makeSignature(image, own));
    expect(outcome(signed, { db: certificates(own) })).toBe('certificate "own"');
    expect(outcome(signed, { db: certificates(own, other) })).toBe('certificate "other"');
  });

  it('passes over a signature that it can’t read', () => {
    const signed = attachSignatures(image, ascii('no DER'), makeSignature(image, own));
    expect(outcome(signed, { db: certificates(own) })).toBe('certificate "own"');
  });

  it('trusts nothing in a broken table', () => {
    const signed = signedBy(own);
    const length = signed.length - image.length;
    const broken = concatBytes([signed, new Uint8Array(8)]);
    const entry = readPe(image).certificateEntryOffset ?? 0;
    new DataView(broken.buffer).setUint32(entry + 4, length + 8, true);
    // Eight bytes more can't hold another entry.
    expect(outcome(broken, { db: certificates(own) })).toBe('refused');
  });
});

describe('appraiseImage() with dbx', () => {
  it('refuses a digest that is there, whoever signed', () => {
    expect(outcome(signedBy(own), { db: certificates(own), dbx: digests(unrelated) })).toBe(
      'certificate "own"',
    );
    expect(outcome(signedBy(own), { db: certificates(own), dbx: digests(unrelated, digest) })).toBe(
      'refused',
    );
  });

  it('refuses what leads to a certificate that is there', () => {
    const signed = signedBy(leaf, intermediate, root);
    for (const forbidden of [leaf, intermediate, root])
      expect(outcome(signed, { db: certificates(leaf), dbx: certificates(forbidden) })).toBe('refused');
    expect(outcome(signed, { db: certificates(leaf), dbx: certificates(other) })).toBe('certificate "leaf"');
  });

  it('refuses a signer whose TBSCertificate it names, or the entry of db', () => {
    const signed = signedBy(leaf, intermediate);
    expect(outcome(signed, { db: certificates(intermediate), dbx: revoked(leaf) })).toBe('refused');
    expect(outcome(signed, { db: certificates(intermediate), dbx: revoked(intermediate) })).toBe('refused');
    // An issuer between them is not looked at.
    const whole = signedBy(leaf, intermediate, root);
    expect(outcome(whole, { db: certificates(root), dbx: revoked(intermediate) })).toBe(
      'certificate "Root  CA"',
    );
  });

  it('does not judge time stamps', () => {
    const since = Uint8Array.of(0xe8, 0x07, 1, 1, ...new Uint8Array(12));
    const dbx = revoked(own, since);
    expect(outcome(signedBy(own), { db: certificates(own), dbx })).toBe('refused');
    expect(outcome(signedBy(own), { db: certificates(own), dbx, dbt: certificates(other) })).toBe('unknown');
  });

  it('refuses the image for any of its signatures', () => {
    const signed = attachSignatures(image, makeSignature(image, own), makeSignature(image, other));
    expect(outcome(signed, { db: certificates(own), dbx: certificates(other) })).toBe('refused');
  });

  it('wants the signer’s certificate in the signature', () => {
    const signed = attachSignatures(image, makeSignature(image, own, { withoutSigner: true }));
    expect(
      appraise(signed, { db: concatBytes([certificates(own), digests(digest)]), dbx: digests(unrelated) }),
    ).toMatchObject({ verdict: 'refused', reason: 'its signature lacks the signer’s certificate' });
    expect(outcome(signed, { db: concatBytes([certificates(own), digests(digest)]) })).toMatch('digest');
  });
});

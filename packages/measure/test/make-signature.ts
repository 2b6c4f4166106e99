import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { concatBytes, Writer } from '../src/bytes/writer.ts';
import { authenticodeDigest, defaultHasher, type HashName, readPe } from '../src/index.ts';
import { encodeOid } from '../src/secure-boot/der.ts';

/** DER elements, for certificates and signatures that tests make up. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(parts);
  const { length } = content;
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concatBytes([Uint8Array.of(tag, ...header), content]);
}
const sequence = (...parts: readonly Uint8Array[]): Uint8Array => der(0x30, ...parts);
const set = (...parts: readonly Uint8Array[]): Uint8Array => der(0x31, ...parts);
const oid = (dotted: string): Uint8Array => der(0x06, encodeOid(dotted));
const integer = (...bytes: readonly number[]): Uint8Array => der(0x02, Uint8Array.from(bytes));
const octets = (...parts: readonly Uint8Array[]): Uint8Array => der(0x04, ...parts);
const algorithm = (dotted: string): Uint8Array => sequence(oid(dotted), Uint8Array.of(0x05, 0x00));
const text = (value: string, tag = 0x0c): Uint8Array => der(tag, new Uint8Array(Buffer.from(value)));

const digestOids = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;
const rsaOids = {
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
} as const;

/** A key with its certificate. */
export interface MadeIdentity {
  readonly name: string;
  readonly key: KeyObject;
  readonly certificate: Uint8Array;
  readonly serial: number;
  readonly issuer: Uint8Array;
}

export interface IdentityOptions {
  readonly issuer?: MadeIdentity;
  /** basicConstraints; absent: none. */
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly keyUsage?: number;
  readonly nameConstraints?: boolean;
  readonly hash?: HashName;
  /** The string type of the name, where the issuer is named: PrintableString instead of UTF8String. */
  readonly issuerNameTag?: number;
}

const nameOf = (commonName: string, tag?: number): Uint8Array =>
  sequence(set(sequence(oid('2.5.4.3'), text(commonName, tag))));

let serials = 0;

/** A certificate, self-signed unless there is an issuer. Keys of 1024 bits: nothing here is secret. */
export function makeIdentity(name: string, options: IdentityOptions = {}): MadeIdentity {
  const { issuer, ca, pathLength, keyUsage, nameConstraints, hash = 'sha256', issuerNameTag } = options;
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const serial = (++serials % 100) + 1;
  const issuerName = nameOf(issuer?.name ?? name, issuerNameTag);
  const extension = (dotted: string, value: Uint8Array): Uint8Array => sequence(oid(dotted), octets(value));
  const extensions = [
    ...(ca === undefined
      ? []
      : [
          extension(
            '2.5.29.19',
            sequence(
              ...(ca ? [der(0x01, Uint8Array.of(0xff))] : []),
              ...(pathLength === undefined ? [] : [integer(pathLength)]),
            ),
          ),
        ]),
    ...(keyUsage === undefined ? [] : [extension('2.5.29.15', der(0x03, Uint8Array.of(0, keyUsage)))]),
    ...(nameConstraints ? [extension('2.5.29.30', sequence())] : []),
  ];
  const tbs = sequence(
    der(0xa0, integer(2)),
    integer(serial),
    algorithm(rsaOids[hash]),
    issuerName,
    sequence(text('200101000000Z', 0x17), text('300101000000Z', 0x17)),
    nameOf(name),
    new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  const signature = signWith(issuer?.key ?? privateKey, hash, tbs);
  const certificate = sequence(tbs, algorithm(rsaOids[hash]), der(0x03, Uint8Array.of(0), signature));
  return { name, key: privateKey, certificate, serial, issuer: issuerName };
}

export interface SignatureOptions {
  readonly hash?: HashName;
  /** Certificates beside the signer's own. */
  readonly others?: readonly MadeIdentity[];
  readonly attributes?: boolean;
  readonly withoutSigner?: boolean;
  /** Changes the signed contents after they were signed. */
  readonly digest?: Uint8Array;
}

/** An Authenticode signature over the image, in PKCS #7. */
export function makeSignature(
  image: Uint8Array,
  signer: MadeIdentity,
  options: SignatureOptions = {},
): Uint8Array {
  const { hash = 'sha256', others = [], attributes = true, withoutSigner = false } = options;
  const digest = options.digest ?? authenticodeDigest(image, readPe(image), hash, defaultHasher);
  const contents = concatBytes([
    sequence(oid('1.3.6.1.4.1.311.2.1.15'), sequence(der(0x03, Uint8Array.of(0)))),
    sequence(algorithm(digestOids[hash]), octets(digest)),
  ]);
  const contentsDigest = new Uint8Array(createHash(hash).update(contents).digest());
  const signed = concatBytes([
    sequence(oid('1.2.840.113549.1.9.3'), set(oid('1.3.6.1.4.1.311.2.1.4'))),
    sequence(oid('1.2.840.113549.1.9.4'), set(octets(contentsDigest))),
  ]);
  const signature = signWith(signer.key, hash, attributes ? der(0x31, signed) : contents);
  const certificates = [...(withoutSigner ? [] : [signer]), ...others].map(({ certificate }) => certificate);
  return sequence(
    oid('1.2.840.113549.1.7.2'),
    der(
      0xa0,
      sequence(
        integer(1),
        set(algorithm(digestOids[hash])),
        sequence(oid('1.3.6.1.4.1.311.2.1.4'), der(0xa0, sequence(contents))),
        der(0xa0, ...certificates),
        set(
          sequence(
            integer(1),
            sequence(signer.issuer, integer(signer.serial)),
            algorithm(digestOids[hash]),
            ...(attributes ? [der(0xa0, signed)] : []),
            algorithm('1.2.840.113549.1.1.1'),
            octets(signature),
          ),
        ),
      ),
    ),
  );
}

/** The image with a certificate table of these PKCS #7 signatures; its length has to be a multiple of eight. */
export function attachSignatures(image: Uint8Array, ...signatures: readonly Uint8Array[]): Uint8Array {
  const table = new Writer();
  for (const pkcs7 of signatures)
    table
      .u32(8 + pkcs7.length)
      .u16(0x0200)
      .u16(2)
      .bytes(pkcs7)
      .align(8);
  const signed = concatBytes([image, table.finish()]);
  const entry = readPe(image).certificateEntryOffset ?? 0;
  new DataView(signed.buffer).setUint32(entry, image.length, true);
  new DataView(signed.buffer).setUint32(entry + 4, table.length, true);
  return signed;
}

function signWith(key: KeyObject, hash: HashName, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createSign(hash).update(bytes).sign(key));
}

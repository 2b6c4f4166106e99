import { X509Certificate } from 'node:crypto';
import type { LeakFacts } from './facts.ts';
import type { Hit } from './leak.ts';
import { isOfTheBuild } from './search-times.ts';

const MAX_HITS = 20;
const MAX_PEM = 64 * 1024;

/** Finds private keys, whenever they were made, and certificates that were made by the build. */
export function searchKeys(bytes: Buffer, facts: LeakFacts): Hit[] {
  return [...searchPem(bytes, facts), ...searchDerKeys(bytes), ...searchDerCertificates(bytes, facts)];
}

/** RFC 7468, section 3. Programs hold the first line alone, so that the whole block has to be there. */
const PEM =
  /^-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n((?:[A-Za-z-]+: .*\r?\n)*\r?\n?[A-Za-z0-9+/=\r\n]{64,}?\r?\n?)-----END \1-----/;

function searchPem(bytes: Buffer, facts: LeakFacts): Hit[] {
  const hits: Hit[] = [];
  const start = '-----BEGIN ';
  for (let at = bytes.indexOf(start); at >= 0 && hits.length < MAX_HITS; at = bytes.indexOf(start, at + 1)) {
    const [text, label = ''] = PEM.exec(bytes.toString('latin1', at, at + MAX_PEM)) ?? [];
    if (text === undefined) continue;
    const common = { offset: at, length: text.length };
    if (/PRIVATE KEY(?: BLOCK)?$/.test(label))
      hits.push({ what: 'private-key', which: `a private key (${label})`, isSecret: true, ...common });
    else if (label === 'CERTIFICATE' && isYoung(text, facts))
      hits.push({ what: 'certificate', which: 'a certificate younger than the lock', ...common });
  }
  return hits;
}

function isYoung(pem: string, facts: LeakFacts): boolean {
  try {
    return isOfTheBuild(Date.parse(new X509Certificate(pem).validFrom) / 1000, facts);
  } catch {
    // No certificate at all: text that looks like one.
    return false;
  }
}

/** PrivateKeyInfo of an RSA key, an EC key and an Ed25519 key, from the version on (RFC 5958, section 2). */
const KEY_INFOS: readonly Buffer[] = [
  Buffer.from('020100300d06092a864886f70d0101010500048201', 'hex'),
  Buffer.from('020100300d06092a864886f70d01010105000482', 'hex'),
  Buffer.from('020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex'),
  Buffer.from('020100300506032b657004220420', 'hex'),
];

function searchDerKeys(bytes: Buffer): Hit[] {
  const offsets = KEY_INFOS.flatMap((info) => {
    const at = bytes.indexOf(info);
    return at < 0 ? [] : [at];
  });
  return [...new Set(offsets)].map((offset) => ({
    what: 'private-key',
    which: 'a private key (DER)',
    isSecret: true,
    offset,
    length: 32,
  }));
}

/** Validity of two UTCTimes (RFC 5280, 4.1.2.5): 30 1e 17 0d YYMMDDHHMMSSZ 17 0d … */
const VALIDITY = Buffer.from([0x30, 0x1e, 0x17, 0x0d]);

function searchDerCertificates(bytes: Buffer, facts: LeakFacts): Hit[] {
  const hits: Hit[] = [];
  for (
    let at = bytes.indexOf(VALIDITY);
    at >= 0 && hits.length < MAX_HITS;
    at = bytes.indexOf(VALIDITY, at + 1)
  ) {
    const time = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z..\d{12}Z/s.exec(
      bytes.toString('latin1', at + 4, at + 32),
    );
    if (!time) continue;
    const [, year, month, day, hour, minute, second] = time.map(Number);
    const seconds =
      Date.UTC(2000 + (year ?? 0), (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0) / 1000;
    if (isOfTheBuild(seconds, facts))
      hits.push({
        what: 'certificate',
        which: 'a certificate younger than the lock (DER)',
        offset: at,
        length: 32,
      });
  }
  return hits;
}

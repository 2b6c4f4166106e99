import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AUDIT_TYPE, type AuditStatement, encodeAuditStatement } from '../../src/audit/audit-statement.ts';
import { signEnvelope } from '../../src/audit/dsse.ts';
import { writeSums } from '../../src/image/sums.ts';
import { STATEMENT_TYPE } from '../../src/release/provenance.ts';
import { encodePublicKey, keyId } from '../../src/release/public-key.ts';
import { SIGNATURE_FILES, signSums } from '../../src/release/signature.ts';
import { parseSigningKey, type SigningKey } from '../../src/release/signing-key.ts';

/** A key that lives as long as the test. */
export function testKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  return parseSigningKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), 'key.pem');
}

/** Files as `altee release` leaves them, in name and place; what they hold does not matter before they are rebuilt. */
export const FILES: Readonly<Record<string, string>> = {
  'README.txt': 'read me\n',
  'altee.lock': '{}\n',
  'altee.yaml': 'apiVersion: altee/v1\n',
  'hello.efi': 'MZ\n',
  'hello.disk': 'disk\n',
  'kernel.config': 'CONFIG_X=y\n',
  'measurements.json': '{"image":{"name":"hello","version":"0.1.0"}}\n',
  'policy/altee.json': '{}\n',
  'provenance.json': '{}\n',
  'sbom.cdx.json': '{}\n',
  'source.tar': 'tar\n',
};

/** Writes a signed release into `folder`. */
export async function writeRelease(
  folder: string,
  key: SigningKey,
  files: Readonly<Record<string, string>> = FILES,
): Promise<void> {
  const all = { ...files, 'publisher.pub': encodePublicKey(key.publicKey) };
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const sums = Buffer.from(await writeSums(folder));
  await writeFile(join(folder, SIGNATURE_FILES.pem), signSums(sums, key, 'test'));
}

/** What an auditor who reproduced the release in `folder` states; `change` bends it. */
export async function writeStatement(
  file: string,
  folder: string,
  auditor: SigningKey,
  publisher: SigningKey,
  change: (statement: AuditStatement) => AuditStatement = (statement) => statement,
): Promise<void> {
  const sums = await readFile(join(folder, 'SHA256SUMS'), 'utf8');
  const subjects = sums
    .trimEnd()
    .split('\n')
    .map((line) => ({ name: line.slice(66), digest: { sha256: line.slice(0, 64) } }));
  const own = { name: 'SHA256SUMS', digest: { sha256: createHash('sha256').update(sums).digest('hex') } };
  const statement: AuditStatement = {
    _type: STATEMENT_TYPE,
    subject: [own, ...subjects],
    predicateType: AUDIT_TYPE,
    predicate: {
      verdict: 'reproduced',
      release: { name: 'hello', version: '0.1.0' },
      publisher: { keyId: keyId(publisher.publicKey), given: true },
      altee: { auditor: '0.1.0', publisher: '0.1.0' },
      startedOn: '2026-01-01T00:00:00.000Z',
      finishedOn: '2026-01-01T01:00:00.000Z',
      rebuilds: 2,
      conditions: [],
      findings: [],
      limits: [],
      measurements: {},
    },
  };
  await writeFile(file, signEnvelope(Buffer.from(encodeAuditStatement(change(statement))), auditor));
}

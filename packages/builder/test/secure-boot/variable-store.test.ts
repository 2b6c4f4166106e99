import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  enforcesSecureBoot,
  parseSignatureLists,
  parseVariableStore,
  readSecureBootVariables,
  signatureTypes,
} from '@altee/measure';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeIdentity } from '../../../measure/test/make-signature.ts';
import { BuilderError } from '../../src/error.ts';
import { KEY_OWNER, makeVariableStore, readSecureBootKeys } from '../../src/secure-boot/variable-store.ts';
import { emptyVariableStore } from './empty-store.ts';

const identities = ['pk', 'kek 1', 'kek 2', 'db 1', 'db 2'].map((name) => makeIdentity(name));
const files = { pk: 'pk.pem', kek: ['kek1.der', 'kek2.pem'], db: ['db1.pem', 'db2.cer'] };
let folder: string;

const pem = (bytes: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}/g, '$&\n')
    .trimEnd()}\n-----END CERTIFICATE-----\n`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'altee-secure-boot-'));
  for (const [index, name] of [files.pk, ...files.kek, ...files.db].entries()) {
    const { certificate } = identities[index] ?? expect.fail();
    await writeFile(join(folder, name), name.endsWith('.pem') ? pem(certificate) : certificate);
  }
});
afterAll(() => rm(folder, { recursive: true }));

describe('makeVariableStore()', () => {
  it('writes the keys of PEM and DER files in the manifest’s order', async () => {
    const variables = readSecureBootVariables(await makeVariableStore(folder, files, emptyVariableStore()));
    const certificates = (data: Uint8Array) =>
      parseSignatureLists(data).flatMap(({ signatures }) => signatures);
    const all = [
      ...certificates(variables.PK),
      ...certificates(variables.KEK),
      ...certificates(variables.db),
    ];
    expect(all.map(({ data }) => data)).toEqual(identities.map(({ certificate }) => certificate));
    expect(new Set(all.map(({ owner }) => owner))).toEqual(new Set([KEY_OWNER]));
    expect(
      parseSignatureLists(variables.db).map(({ type, signatures }) => [type, signatures.length]),
    ).toEqual([
      [signatureTypes.x509, 1],
      [signatureTypes.x509, 1],
    ]);
    expect(enforcesSecureBoot(variables)).toBe(true);
  });

  it('gives variables the attributes with which firmware stores keys', async () => {
    const { records } = parseVariableStore(await makeVariableStore(folder, files, emptyVariableStore()));
    expect(records.map(({ name, attributes, state }) => `${name} ${attributes} ${state}`)).toEqual([
      'KEK 39 63',
      'PK 39 63',
      'db 39 63',
    ]);
  });

  it('gives the same bytes each time, and holds what is predicted', async () => {
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    const store = await makeVariableStore(folder, files, emptyVariableStore());
    expect(digest(await makeVariableStore(folder, files, emptyVariableStore()))).toBe(digest(store));
    expect(readSecureBootVariables(store)).toMatchObject(await readSecureBootKeys(folder, files));
  });
});

describe('readSecureBootKeys() refuses', () => {
  const failure = async (content: string | Uint8Array | undefined): Promise<BuilderError> => {
    const name = 'odd.file';
    if (content === undefined) await rm(join(folder, name), { force: true });
    else await writeFile(join(folder, name), content);
    return readSecureBootKeys(folder, { ...files, db: [name] }).then(
      () => expect.fail('accepted'),
      (error: unknown) => error as BuilderError,
    );
  };

  it('a file that is not there', async () => {
    expect(await failure(undefined)).toMatchObject({
      code: 'invalid-input',
      message: 'Cannot read the certificate "odd.file": there is no such file',
    });
  });

  it('a private key, and says so', async () => {
    const { key } = identities[0] ?? expect.fail();
    for (const bytes of [
      key.export({ format: 'pem', type: 'pkcs8' }),
      new Uint8Array(key.export({ format: 'der', type: 'pkcs8' })),
    ]) {
      const error = await failure(bytes);
      expect(error.code).toBe('invalid-input');
      expect(error.hint).toContain('It is a private key');
    }
  });

  it('several certificates in one file', async () => {
    const both = identities.map(({ certificate }) => pem(certificate)).join('');
    expect(await failure(both)).toMatchObject({ code: 'invalid-input', hint: 'Name a file for each' });
  });

  it.each([
    ['nothing', ''],
    ['text', 'certificate'],
    ['a certificate that is cut short', (identities[0]?.certificate ?? new Uint8Array(0)).subarray(0, 100)],
  ])('%s', async (_, content) => {
    const error = await failure(content);
    expect(error).toBeInstanceOf(BuilderError);
    expect(error.message).toBe('"odd.file" is no X.509 certificate in DER or PEM');
  });
});

import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditStatement } from '../../src/audit/audit-statement.ts';
import { type VerifyReleaseResult, verifyRelease } from '../../src/audit/verify-release.ts';
import { encodePublicKey } from '../../src/release/public-key.ts';
import { tempFolder } from '../temp.ts';
import { FILES, testKey, writeRelease, writeStatement } from './support.ts';

const [publisher, alice, bob, carol, mallory] = [testKey(), testKey(), testKey(), testKey(), testKey()];
const keyText = (key: typeof alice) => encodePublicKey(key.publicKey);

let temporary: Awaited<ReturnType<typeof tempFolder>>;
let release: string;
beforeEach(async () => {
  temporary = await tempFolder();
  release = join(temporary.path, 'release');
  await mkdir(release);
  await writeRelease(release, publisher);
});
afterEach(() => temporary[Symbol.asyncDispose]());

const at = (name: string) => join(temporary.path, name);

async function verify(
  statements: readonly string[],
  policy: Readonly<Record<string, unknown>> = {},
): Promise<VerifyReleaseResult> {
  const document = {
    apiVersion: 'altee/audit-policy/v1',
    publisher: keyText(publisher),
    auditors: [
      { name: 'alice', key: keyText(alice) },
      { name: 'bob', key: keyText(bob) },
      { name: 'carol', key: keyText(carol) },
    ],
    require: 2,
    ...policy,
  };
  await writeFile(at('policy.json'), JSON.stringify(document));
  return verifyRelease({ release, policyFile: at('policy.json'), statementFiles: statements.map(at) });
}

const state = (name: string, key: typeof alice, change?: (statement: AuditStatement) => AuditStatement) =>
  writeStatement(at(name), release, key, publisher, change);
/** With some fields of the predicate changed. */
const saying = (fields: Partial<AuditStatement['predicate']>) => (statement: AuditStatement) => ({
  ...statement,
  predicate: { ...statement.predicate, ...fields },
});
const reasons = ({ votes }: VerifyReleaseResult) => votes.map(({ reason }) => reason);

describe('verifyRelease()', () => {
  it('accepts a release that enough auditors reproduced', async () => {
    await state('a', alice);
    await state('b', bob);
    expect(await verify(['a', 'b'])).toMatchObject({ accepted: true, auditors: ['alice', 'bob'] });
  });

  it('refuses fewer', async () => {
    await state('a', alice);
    expect(await verify(['a'])).toMatchObject({
      accepted: false,
      reason: '1 of the 2 auditors that the policy asks for reproduced it',
    });
    expect((await verify([])).accepted).toBe(false);
  });

  it('counts one auditor once', async () => {
    await state('a', alice);
    await state('again', alice, saying({ finishedOn: '2026-02-02T00:00:00Z' }));
    const result = await verify(['a', 'a', 'again']);
    expect(result.accepted).toBe(false);
    expect(reasons(result).slice(1)).toEqual([
      expect.stringMatching(/^"alice" has a vote already, in ".*a"$/),
      expect.stringMatching(/^"alice" has a vote already/),
    ]);
  });

  it('refuses other signers, also those who claim to be one of them', async () => {
    await state('a', alice);
    await state('m', mallory);
    const envelope = JSON.parse(await readFile(at('m'), 'utf8'));
    const { keyid } = JSON.parse(await readFile(at('a'), 'utf8')).signatures[0];
    envelope.signatures[0].keyid = keyid;
    await writeFile(at('m'), JSON.stringify(envelope));
    const result = await verify(['a', 'm']);
    expect(result.accepted).toBe(false);
    expect(reasons(result)[1]).toBe(
      `None of the policy's auditors signed it; it says that it is by ${keyid}`,
    );
  });

  it('refuses a statement for another release', async () => {
    await state('a', alice);
    await state('old', bob);
    await rm(release, { recursive: true });
    await writeRelease(release, publisher, { ...FILES, 'hello.efi': 'MZ, the next one\n' });
    await state('a', alice);
    const result = await verify(['a', 'old']);
    expect(result.accepted).toBe(false);
    expect(reasons(result)[1]).toMatch(
      /^It is for another release \(hello 0.1.0\): its SHA256SUMS is sha256:/,
    );
  });

  it('refuses other digests, and files that are named twice, too many or not at all', async () => {
    await state('a', alice);
    const changes: readonly [(subject: AuditStatement['subject']) => AuditStatement['subject'], RegExp][] = [
      [
        (all) =>
          all.map((one) => (one.name === 'hello.efi' ? { ...one, digest: { sha256: '0'.repeat(64) } } : one)),
        /for "hello.efi"/,
      ],
      [(all) => all.filter(({ name }) => name !== 'hello.efi'), /no digest for "hello.efi"/],
      [(all) => all.filter(({ name }) => name !== 'SHA256SUMS'), /does not name SHA256SUMS/],
      [(all) => [...all, ...all.slice(-1)], /names a file twice/],
      [(all) => [...all, { name: 'more', digest: { sha256: '0'.repeat(64) } }], /does not have/],
    ];
    for (const [change, reason] of changes) {
      await state('b', bob, (statement) => ({ ...statement, subject: change(statement.subject) }));
      const result = await verify(['a', 'b']);
      expect(result.accepted).toBe(false);
      expect(reasons(result)[1]).toMatch(reason);
    }
  });

  it('refuses malformed envelopes, each with what is wrong', async () => {
    await state('a', alice);
    await state('b', bob);
    const good = JSON.parse(await readFile(at('b'), 'utf8'));
    const cases: readonly [string, RegExp][] = [
      ['', /no JSON/],
      ['{}', /payloadType/],
      ['[]', /envelope/],
      [JSON.stringify({ ...good, payloadType: 'text/plain' }), /payloadType/],
      [JSON.stringify({ ...good, payload: '!' }), /payload: must be base64/],
      [JSON.stringify({ ...good, signatures: [] }), /signatures/],
      [JSON.stringify({ ...good, signatures: [{ sig: '' }] }), /None of the policy's auditors/],
      [JSON.stringify({ ...good, payload: Buffer.from('{}').toString('base64') }), /None of the policy's/],
    ];
    for (const [text, reason] of cases) {
      await writeFile(at('bad'), text);
      const result = await verify(['a', 'bad']);
      expect(result.accepted).toBe(false);
      expect(reasons(result)[1]).toMatch(reason);
    }
    expect(reasons(await verify(['a', 'nowhere']))[1]).toBe('It cannot be read');
  });

  it('refuses statements that an auditor signed and that are no audit', async () => {
    await state('a', alice);
    for (const change of [
      (one: AuditStatement) => ({ ...one, predicateType: 'https://slsa.dev/provenance/v1' }) as never,
      (one: AuditStatement) => ({ ...one, subject: [] }),
      saying({ verdict: 'maybe' as never }),
    ]) {
      await state('b', bob, change);
      expect(reasons(await verify(['a', 'b']))[1]).toMatch(/^The statement is no audit of altee's: /);
    }
  });

  it('refuses fewer rebuilds and limits, unless the policy takes them', async () => {
    await state('a', alice);
    await state('once', bob, saying({ rebuilds: 1 }));
    await state('limited', carol, saying({ limits: ['the kernel was not rebuilt'] }));
    const result = await verify(['a', 'once', 'limited']);
    expect(result.accepted).toBe(false);
    expect(reasons(result).slice(1)).toEqual([
      '"bob" built it once, the policy asks for twice',
      'It has limits, which the policy does not accept: the kernel was not rebuilt',
    ]);
    expect((await verify(['a', 'once'], { rebuilds: 1 })).accepted).toBe(true);
    expect((await verify(['a', 'limited'], { acceptLimits: true })).accepted).toBe(true);
  });

  it('lets an auditor object, which the policy may only report', async () => {
    await state('a', alice);
    await state('b', bob);
    const finding = { kind: 'different', subject: 'hello.efi', message: '"hello.efi" differs' } as const;
    await state('c', carol, saying({ verdict: 'not-reproduced', findings: [finding] }));
    const reason = '"carol" did not reproduce it: "hello.efi" differs';
    expect(await verify(['a', 'b', 'c'])).toMatchObject({ accepted: false, reason });
    expect((await verify(['a', 'b', 'c'], { onObjection: 'report' })).accepted).toBe(true);
  });

  it('refuses a release that lacks something or was changed, whatever the statements say', async () => {
    await state('a', alice);
    await state('b', bob);
    await rm(join(release, 'hello.disk'));
    expect(await verify(['a', 'b'])).toMatchObject({
      accepted: false,
      reason: 'This copy of the release lacks "hello.disk"',
    });
    await writeFile(join(release, 'hello.disk'), 'other');
    await expect(verify(['a', 'b'])).rejects.toMatchObject({ code: 'release-tampered' });
  });

  it('refuses policies that would count somebody twice, or that nobody could meet', async () => {
    const twice = [
      { name: 'alice', key: keyText(alice) },
      { name: 'alice, too', key: keyText(alice) },
    ];
    await expect(verify([], { auditors: twice })).rejects.toThrow('has the key of "alice"');
    const own = [{ name: 'me', key: keyText(publisher) }];
    await expect(verify([], { auditors: own, require: 1 })).rejects.toThrow('has the key of the publisher');
    await expect(verify([], { require: 4 })).rejects.toThrow('no release could pass');
    await expect(verify([], { require: 0 })).rejects.toThrow('require');
    await expect(verify([], { requre: 1 })).rejects.toThrow('requre');
    await expect(verify([], { publisher: 'x'.repeat(40) })).rejects.toThrow('is no Ed25519 public key');
    await appendFile(at('policy.json'), '{');
    await expect(
      verifyRelease({ release, policyFile: at('policy.json'), statementFiles: [] }),
    ).rejects.toThrow();
  });
});

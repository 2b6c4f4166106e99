import { describe, expect, it } from 'vitest';
import {
  parseEnvelope,
  preAuthenticationEncoding,
  signEnvelope,
  verifiedPayload,
} from '../../src/audit/dsse.ts';
import { looksLikeTime } from '../../src/audit/time-trace.ts';
import { testKey } from './support.ts';

describe('preAuthenticationEncoding()', () => {
  it('is that of the DSSE protocol’s own example', () => {
    // https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md#test-vectors
    const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });
});

describe('signEnvelope()', () => {
  it('gives back its payload to those who have the key, and to nobody else', () => {
    const [key, other] = [testKey(), testKey()];
    const text = signEnvelope(Buffer.from('payload'), key);
    expect(signEnvelope(Buffer.from('payload'), key)).toBe(text);
    const envelope = parseEnvelope(text);
    expect(verifiedPayload(envelope, key.publicKey)?.toString()).toBe('payload');
    expect(verifiedPayload(envelope, other.publicKey)).toBeUndefined();
    const changed = { ...envelope, payload: Buffer.from('Payload').toString('base64') };
    expect(verifiedPayload(changed, key.publicKey)).toBeUndefined();
  });
});

describe('looksLikeTime()', () => {
  const started = Date.UTC(2026, 10, 21, 11, 0, 0);
  const spans = [
    { started, finished: started + 5000 },
    { started: started + 60_000, finished: started + 65_000 },
  ] as const;
  const text = (one: string, other: string) =>
    looksLikeTime({ around: [Buffer.from(one), Buffer.from(other)] }, spans);

  it.each([
    ['seconds', '1795258802', '1795258862'],
    ['nanoseconds', 'x1795258802123456789', 'x1795258862123456789'],
    ['the octal seconds of tar', `0${(1795258802).toString(8)}`.slice(-11), (1795258862).toString(8)],
    ['a time of day', 'at 11:00:02 o', 'at 11:01:02 o'],
    ['a date', '2026-11-21 x', '2026-11-21 y'],
  ])('knows %s', (_what, one, other) => {
    expect(text(one, other)).toBe(true);
  });

  it('does not take other numbers for times, nor the time of another rebuild', () => {
    expect(text('1700000000', '1700000060')).toBe(false);
    expect(text('1795258802', 'no time')).toBe(false);
    expect(text('1795258862', '1795258802')).toBe(false);
    expect(text('', '')).toBe(false);
  });
});

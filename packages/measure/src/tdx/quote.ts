import { equalBytes } from '../bytes/compare.ts';
import { hexNumber } from '../bytes/hex.ts';
import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';

/** A TD's measurements as its quote shows them. Nothing here is verified: a quote is as good as its signature. */
export interface TdxQuote {
  readonly version: 4 | 5;
  /** TD 1.0, or TD 1.5 with a second service TD. */
  readonly report: 'td10' | 'td15';
  readonly mrtd: Uint8Array;
  /** RTMR 0 to 3. */
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly mrSeam: Uint8Array;
  /** 8 bytes; bit 0 is DEBUG. */
  readonly tdAttributes: Uint8Array;
  readonly reportData: Uint8Array;
  /** Signature and certificates, as they stand there: nobody has checked them. */
  readonly untrustedSignature: Uint8Array;
}

/** Header and body (Intel TDX DCAP Quoting Library API, appendix A.3 and A.4). */
const tdxTeeType = 0x81;
const bodies = {
  2: { report: 'td10', size: 584 },
  3: { report: 'td15', size: 648 },
} as const;
const digestSize = 48;

/**
 * Reads a quote of version 4 or 5. Throws `truncated`, `malformed` for one without a signature, or `unsupported` for
 * another version, an SGX quote, or a body of another type. The signature has to be there; it is not verified. Zeros
 * and other bytes may follow it, as the buffers that quotes come in are longer.
 */
export function parseTdxQuote(bytes: Uint8Array): TdxQuote {
  const header = new Reader(bytes, 'TDX_QUOTE');
  const version = header.u16('version');
  if (version !== 4 && version !== 5)
    throw header.error('unsupported', 'version', `${version} is not 4 or 5`, 0);
  header.skip(2, 'attestationKeyType');
  const tee = header.u32('teeType');
  if (tee !== tdxTeeType) throw header.error('unsupported', 'teeType', `${hexNumber(tee)} is not TDX`, 4);
  header.skip(40, 'reserved to userData');
  const type = version === 4 ? 2 : readBodyType(header);
  const { report, size } = bodies[type];
  if (version === 5) {
    const at = header.offset;
    const declared = header.u32('bodySize');
    if (declared !== size) throw header.error('malformed', 'bodySize', `${declared} bytes, not ${size}`, at);
  }
  const values = readReport(header.within(size, 'body', 'TD_QUOTE_BODY'));
  return { version, report, ...values, untrustedSignature: readSignature(header) };
}

function readSignature(quote: Reader): Uint8Array {
  const at = quote.offset;
  if (quote.remaining === 0)
    throw new MeasureError('truncated', `TDX_QUOTE: ends at its report of ${at} bytes, without a signature`, {
      offset: at,
    });
  const size = quote.u32('signatureSize');
  if (size === 0) throw quote.error('malformed', 'signatureSize', 'the quote has no signature', at);
  return Uint8Array.from(quote.bytes(size, 'signature'));
}

/** Whether bytes begin like a TDX quote: version 4 or 5 and TEE type. No event log begins so. */
export function looksLikeTdxQuote(bytes: Uint8Array): boolean {
  const [version, high] = bytes;
  const tee = [tdxTeeType, 0, 0, 0];
  return (
    (version === 4 || version === 5) && high === 0 && tee.every((byte, index) => bytes[4 + index] === byte)
  );
}

/** Whether the host may look into the TD and change it (TDX Module ABI, ATTRIBUTES.DEBUG: bit 0). */
export function isDebugTd({ tdAttributes }: Pick<TdxQuote, 'tdAttributes'>): boolean {
  return ((tdAttributes[0] ?? 0) & 1) !== 0;
}

function readBodyType(header: Reader): 2 | 3 {
  const at = header.offset;
  const type = header.u16('bodyType');
  if (type !== 2 && type !== 3) throw header.error('unsupported', 'bodyType', `${type} is no TD's`, at);
  return type;
}

function readReport(body: Reader): Omit<TdxQuote, 'version' | 'report' | 'untrustedSignature'> {
  const digest = (field: string): Uint8Array => Uint8Array.from(body.bytes(digestSize, field));
  body.skip(16, 'teeTcbSvn');
  const mrSeam = digest('mrSeam');
  body.skip(digestSize + 8, 'mrSignerSeam and seamAttributes');
  const tdAttributes = Uint8Array.from(body.bytes(8, 'tdAttributes'));
  body.skip(8, 'xfam');
  const mrtd = digest('mrTd');
  const mrConfigId = digest('mrConfigId');
  const mrOwner = digest('mrOwner');
  const mrOwnerConfig = digest('mrOwnerConfig');
  const rtmrs = [digest('rtMr0'), digest('rtMr1'), digest('rtMr2'), digest('rtMr3')] as const;
  const reportData = Uint8Array.from(body.bytes(64, 'reportData'));
  return { mrtd, rtmrs, mrConfigId, mrOwner, mrOwnerConfig, mrSeam, tdAttributes, reportData };
}

/** The value of a CC measurement register: MRTD is 0, RTMR n is n + 1. */
export function quotedRegister(quote: TdxQuote, mrIndex: number): Uint8Array | undefined {
  return mrIndex === 0 ? quote.mrtd : quote.rtmrs[mrIndex - 1];
}

/** Registers whose value in the quote is not the given one, by CC measurement register. */
export function differingRegisters(quote: TdxQuote, values: ReadonlyMap<number, Uint8Array>): number[] {
  return [...values].flatMap(([mrIndex, value]) => {
    const quoted = quotedRegister(quote, mrIndex);
    return quoted && equalBytes(quoted, value) ? [] : [mrIndex];
  });
}

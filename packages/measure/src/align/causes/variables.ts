import { toHex } from '../../bytes/hex.ts';
import { MeasureError } from '../../error.ts';
import { maxDecodedBytes } from '../../tcg/decode/decoded.ts';
import { describeCertificate } from '../../tcg/decode/signatures.ts';
import { readVariableEvent } from '../../tcg/decode/variable-data.ts';
import { parseSignatureLists, signatureTypes } from '../../uefi/signature-list.ts';
import type { AlignedEvent } from '../align-events.ts';
import { type Cause, type CauseRule, likely, proven, typeOf } from '../cause.ts';

/** Secure Boot: whether it is on, its keys, and who vouched. */
export const secureBootCause: CauseRule = ({ row }) => {
  const type = typeOf(row);
  if (type === 'EV_EFI_VARIABLE_AUTHORITY') return authority(row);
  if (type !== 'EV_EFI_VARIABLE_DRIVER_CONFIG') return undefined;
  const { predicted, observed } = contentsOf(row);
  const name = predicted?.name ?? observed?.name;
  if (name === undefined) return undefined;
  // What the data say counts only where their digest was recomputed.
  const sure = row.observed?.check.verdict === 'verified' && predicted ? proven : likely;
  if (row.relation === 'missing')
    return likely('firmware', `Variable ${name} is not measured: firmware of another version`);
  if (row.relation === 'extra')
    return likely(
      'firmware',
      `Variable ${name} is measured and was not predicted: firmware of another version`,
    );
  if (name === 'SecureBoot') return secureBoot(predicted?.contents, observed?.contents, sure);
  if (['PK', 'KEK', 'db', 'dbx', 'dbt', 'dbr'].includes(name))
    return sure(
      'secure-boot-keys',
      `Other Secure Boot keys: ${keyChanges(name, predicted?.contents, observed?.contents)}`,
    );
  return sure('secure-boot', `Variable ${name}: ${row.observed?.said.text ?? 'other contents'}`);
};

function secureBoot(
  predicted: Uint8Array | undefined,
  observed: Uint8Array | undefined,
  sure: (code: 'secure-boot' | 'firmware', text: string) => Cause,
): Cause {
  const word = (contents: Uint8Array | undefined): string =>
    contents === undefined ? 'unknown' : contents.length === 0 ? 'absent' : contents[0] === 1 ? 'on' : 'off';
  if (word(predicted) === 'absent' && word(observed) === 'off')
    return sure(
      'firmware',
      'Firmware that is built with Secure Boot: its variable is there, and off, where none was predicted',
    );
  if (word(predicted) === 'off' && word(observed) === 'absent')
    return sure('firmware', 'Firmware that is built without Secure Boot: the variable is not there');
  const wanted = predicted === undefined ? '' : `, predicted was ${word(predicted)}`;
  return sure('secure-boot', `Secure Boot is ${word(observed)}${wanted}`);
}

function keyChanges(
  name: string,
  predicted: Uint8Array | undefined,
  observed: Uint8Array | undefined,
): string {
  const before = entries(predicted);
  const after = entries(observed);
  if (!before || !after) return `${name} holds something else`;
  if (after.size === 0) return `${name} is empty`;
  const added = [...after].flatMap(([key, text]) => (before.has(key) ? [] : [text]));
  const removed = [...before].flatMap(([key, text]) => (after.has(key) ? [] : [text]));
  const parts = [
    added.length > 0 ? `${name} has ${some(added)} more` : '',
    removed.length > 0 ? `${name} lacks ${some(removed)}` : '',
  ].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(', ') : `${name} holds the same entries in another form or order`;
}

function some(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).join(', ');
  return texts.length > 3 ? `${shown} and ${texts.length - 3} others` : shown;
}

/** Entries by what they are → in words. */
function entries(contents: Uint8Array | undefined): Map<string, string> | undefined {
  if (contents === undefined) return undefined;
  try {
    const all = parseSignatureLists(contents).flatMap(({ type, signatures }) =>
      signatures.map(({ data, encoded }): [string, string] => [
        `${type} ${toHex(encoded)}`,
        type === signatureTypes.x509
          ? `the ${describeCertificate(data)}`
          : `digest ${toHex(data.subarray(0, 8))}…`,
      ]),
    );
    return new Map(all);
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}

function authority({ relation, predicted, observed }: AlignedEvent): Cause {
  const who = observed?.said.text;
  if (relation === 'extra')
    return likely('authority', `One more key vouched for what was started: ${who ?? 'unknown'}`);
  if (relation === 'missing')
    return likely('authority', `Nothing was vouched for by a key of db: ${predicted?.description ?? ''}`);
  return likely('authority', `Another key vouched for what was started: ${who ?? 'unknown'}`);
}

interface Contents {
  readonly name: string;
  readonly contents: Uint8Array;
}

/** The variable on both sides, as far as the data can be read. */
export function contentsOf({ predicted, observed }: AlignedEvent): {
  readonly predicted: Contents | undefined;
  readonly observed: Contents | undefined;
} {
  return { predicted: read(predicted?.data), observed: read(observed?.event.untrustedData) };
}

function read(data: Uint8Array | undefined): Contents | undefined {
  if (!data || data.length > maxDecodedBytes) return undefined;
  try {
    return readVariableEvent(data);
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}

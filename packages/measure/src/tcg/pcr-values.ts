import { MeasureError } from '../error.ts';
import { digestSizes, type HashName, hashNames } from '../hash.ts';

/** Register values that were read from a machine: bank → index → lower-case hex. */
export type ReadValues = Readonly<Partial<Record<HashName, Readonly<Record<number, string>>>>>;

const lastPcr = 23;

/**
 * PCR values from text: what `tpm2_pcrread` prints (YAML), JSON of bank → index → value (or arrays), or a line for each
 * with index and value, whose bank follows from its length. Throws `malformed` when there are none, or when a value
 * is no digest of its bank.
 */
export function parsePcrValues(text: string): ReadValues {
  const entries = text.trimStart().startsWith('{') ? fromJson(text) : fromLines(text);
  const values: Partial<Record<HashName, Record<number, string>>> = {};
  for (const [given, index, hex] of entries) {
    const value = hex.replace(/^0x/i, '').toLowerCase();
    const bank = given ?? hashNames.find((name) => digestSizes[name] * 2 === value.length);
    if (!bank || !/^[0-9a-f]+$/.test(value) || value.length !== digestSizes[bank] * 2)
      throw new MeasureError(
        'malformed',
        `PCR values: "${hex.slice(0, 80)}" is no ${bank ?? 'digest'} value`,
      );
    if (index > lastPcr) throw new MeasureError('malformed', `PCR values: there is no PCR ${index}`);
    const ofBank = values[bank] ?? {};
    if (ofBank[index] !== undefined && ofBank[index] !== value)
      throw new MeasureError('malformed', `PCR values: PCR ${index} in ${bank} stands there twice`);
    ofBank[index] = value;
    values[bank] = ofBank;
  }
  if (entries.length === 0) throw new MeasureError('malformed', 'PCR values: there are none in the file');
  return values;
}

type Entry = readonly [bank: HashName | undefined, index: number, hex: string];

function fromLines(text: string): Entry[] {
  let bank: HashName | undefined;
  return text.split('\n').flatMap((line): Entry[] => {
    const header = /^\s*(sha\d+)\s*:\s*$/.exec(line)?.[1];
    if (header !== undefined) {
      bank = hashNames.find((name) => name === header);
      if (!bank) throw new MeasureError('unsupported', `PCR values: bank "${header}" is not known`);
      return [];
    }
    const [, index, hex] =
      /^\s*(?:PCR[-_ ]?)?(\d{1,2})\s*[:=]?\s+(?:0x)?([0-9a-fA-F]{40,128})\s*$/i.exec(line) ?? [];
    return index === undefined || hex === undefined ? [] : [[bank, Number(index), hex]];
  });
}

function fromJson(text: string): Entry[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new MeasureError('malformed', 'PCR values: not JSON', { cause: error });
  }
  const banks = findBanks(document, 0);
  return Object.entries(banks).flatMap(([name, values]) => {
    const bank = hashNames.find((each) => each === name);
    if (!bank || typeof values !== 'object' || values === null) return [];
    return Object.entries(values).flatMap(([index, hex]): Entry[] =>
      typeof hex === 'string' && /^\d+$/.test(index) ? [[bank, Number(index), hex]] : [],
    );
  });
}

/** The object that has banks for keys, at most two members deep (`tpm.pcrs` of `altee run --json`). */
function findBanks(value: unknown, depth: number): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  if (hashNames.some((name) => Object.hasOwn(value, name))) return value;
  if (depth >= 2) return {};
  const inner = ['tpm', 'pcrs', 'values'].flatMap((key) =>
    Object.hasOwn(value, key) ? [findBanks((value as Record<string, unknown>)[key], depth + 1)] : [],
  );
  return inner.find((each) => Object.keys(each).length > 0) ?? {};
}

import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeasureError, parseMeasurements } from '@altee/measure';
import type { AuditFinding } from './audit-statement.ts';

/** A folder and the digests of its files by name. */
export interface SummedFolder {
  readonly folder: string;
  readonly sums: ReadonlyMap<string, string>;
}

/**
 * What of the published files is not as in folders that were made anew: each file that one lacks, and each that differs,
 * with where it begins to. `names` says in messages how each folder was made.
 */
export async function compareFiles(
  published: SummedFolder,
  made: readonly SummedFolder[],
  names: readonly string[],
): Promise<AuditFinding[]> {
  const findings: AuditFinding[] = [];
  const all = [published, ...made].flatMap(({ sums }) => [...sums.keys()]);
  for (const name of [...new Set(all)].sort()) {
    const theirs = published.sums.get(name);
    const differing = made
      .map((folder, index) => ({ ...folder, ours: folder.sums.get(name), what: names[index] ?? '' }))
      .filter(({ ours }) => ours !== theirs);
    if (differing.length === 0) continue;
    const what = differing.map((one) => one.what).join(' and ');
    const [first] = differing;
    if (theirs === undefined || first === undefined) {
      findings.push({ kind: 'missing', subject: name, message: `The release has no "${name}", ${what} has` });
      continue;
    }
    const present = differing.find(({ ours }) => ours !== undefined);
    if (present === undefined) {
      findings.push({
        kind: 'unexpected',
        subject: name,
        message: `The release has "${name}", ${what} has not`,
      });
      continue;
    }
    const where = await firstDifference(join(published.folder, name), join(present.folder, name));
    const apart = new Set(differing.map(({ ours }) => ours)).size + (made.length - differing.length) > 1;
    const more = apart ? '; the rebuilds differ from each other, too' : '';
    findings.push({
      kind: 'different',
      subject: name,
      message: `"${name}" differs from ${what}, ${where}${more}`,
    });
  }
  return findings;
}

const CHUNK = 1 << 20;

/** Where two files begin to differ, and how long they are where that differs. */
export async function firstDifference(published: string, made: string): Promise<string> {
  const [one, other] = [await open(published, 'r'), await open(made, 'r')];
  try {
    const [{ size: oneSize }, { size: otherSize }] = [await stat(published), await stat(made)];
    const sizes = oneSize === otherSize ? '' : `; ${oneSize} and ${otherSize} bytes`;
    const [a, b] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)];
    for (let at = 0; ; ) {
      const [{ bytesRead }, { bytesRead: otherRead }] = [
        await one.read(a, 0, CHUNK, at),
        await other.read(b, 0, CHUNK, at),
      ];
      const length = Math.min(bytesRead, otherRead);
      for (let index = 0; index < length; index++) {
        if (a[index] !== b[index]) return `first at offset 0x${(at + index).toString(16)}${sizes}`;
      }
      if (bytesRead !== otherRead) return `first at offset 0x${(at + length).toString(16)}${sizes}`;
      if (length === 0) return 'nowhere';
      at += length;
    }
  } finally {
    await one.close();
    await other.close();
  }
}

/** Registers of the published measurements whose values are not those that the published image gives. */
export async function compareMeasurements(publishedFile: string, madeFile: string): Promise<AuditFinding[]> {
  const [published, made] = [await registers(publishedFile), await registers(madeFile)];
  if (!made) return [];
  if (!published) {
    const message = 'The published measurements can not be read';
    return [{ kind: 'measurement', subject: 'measurements.json', message }];
  }
  const findings: AuditFinding[] = [];
  for (const subject of [...new Set([...published.keys(), ...made.keys()])].sort()) {
    const [theirs, ours] = [published.get(subject), made.get(subject)];
    if (theirs === ours) continue;
    const message = `${subject}: published is ${theirs ?? 'nothing'}, the published image gives ${ours ?? 'nothing'}`;
    findings.push({ kind: 'measurement', subject, message });
  }
  return findings;
}

/** `platform register` to its status and values, as text. */
async function registers(file: string): Promise<Map<string, string> | undefined> {
  try {
    const { platforms } = parseMeasurements(await readFile(file, 'utf8'));
    const found = new Map<string, string>();
    for (const [platform, entry] of platforms) {
      if (!('prediction' in entry)) continue;
      for (const { register, status, values } of entry.prediction.registers) {
        const shown = Object.entries(values).map(([bank, value]) => `${bank} ${hex(value)}`);
        found.set(`${platform} ${register}`, [status, ...shown].join(' '));
      }
    }
    return found;
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}

/** Platform → register → status and values, as a statement names them. */
export async function registersOf(file: string): Promise<Record<string, Record<string, unknown>>> {
  const { platforms } = parseMeasurements(await readFile(file, 'utf8'));
  const found = [...platforms].map(([platform, entry]) => {
    if (!('prediction' in entry)) return [platform, { unsupported: entry.unsupported }] as const;
    const registers = entry.prediction.registers.map(({ register, status, values }) => {
      const inHex = Object.entries(values).map(([bank, value]) => [bank, hex(value)] as const);
      return [register, { status, values: Object.fromEntries(inHex) }] as const;
    });
    return [platform, Object.fromEntries(registers)] as const;
  });
  return Object.fromEntries(found);
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

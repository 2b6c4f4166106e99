import { MeasureError } from '../error.ts';
import { readPe } from '../pe/image.ts';
import { checkPe, type PeProblem } from '../pe/validate.ts';
import { readStubVersion } from './stub.ts';

export type UkiProblem = PeProblem;

/**
 * Reads a unified kernel image back and says what is wrong with it: everything `checkPe` finds, and that it has
 * a stub of known version, a `.linux` section and no section twice (a stub of 252 takes the last one of
 * a name, newer ones the first). Empty when all is well; bytes that are no PE file give `unreadable`.
 */
export function checkUki(bytes: Uint8Array): UkiProblem[] {
  const pe = attempt(() => readPe(bytes));
  if (pe instanceof MeasureError) return [refused('unreadable', pe.message)];
  const problems = checkPe(pe, bytes);

  // Sections after a ".profile" belong to that profile (UAPI.5) and may repeat the base's names.
  const end = pe.sections.findIndex(({ name }) => name === '.profile');
  const base = pe.sections.slice(0, end < 0 ? undefined : end).map(({ name }) => name);
  if (!base.includes('.linux')) problems.push(refused('missing-section', 'There is no section ".linux"'));
  for (const name of new Set(base.filter((each, i) => base.indexOf(each) !== i))) {
    problems.push(refused('duplicate-section', `Section "${name}" is there twice`));
  }

  const stub = attempt(() => readStubVersion(bytes, pe));
  if (stub instanceof MeasureError) problems.push(refused('unknown-stub', stub.message));
  return problems;
}

function refused(code: PeProblem['code'], message: string): UkiProblem {
  return { severity: 'refused', code, message };
}

function attempt<T>(read: () => T): T | MeasureError {
  try {
    return read();
  } catch (error) {
    if (error instanceof MeasureError) return error;
    throw error;
  }
}

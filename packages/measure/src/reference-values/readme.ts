import { utf8 } from '../bytes/utf8.ts';
import type { RegisterName } from '../predict/prediction.ts';
import type { Dialect } from './dialects.ts';
import { comment, oneLine } from './encode.ts';
import type { LeftOut, NotWritten, PolicyFile } from './policy-file.ts';
import { subjectTitle } from './subject.ts';

const HEAD = `Reference values and policies, one dialect a file or folder; written by altee.

A file pins registers that are predicted, and no others: no value here was assumed or read from a machine. What a file
leaves out, it does not check. How each file is used: docs/policies.md.
`;

/** The folder's `README.txt`: for each file what it pins and leaves out; for each dialect what it could not write. */
export function policyReadme(
  dialects: readonly Dialect[],
  files: readonly PolicyFile[],
  notWritten: readonly NotWritten[],
  warnings: readonly string[],
  leftOut: readonly LeftOut[],
): Uint8Array {
  const sections = dialects.map((dialect) => {
    const ours = files.filter((file) => file.dialect === dialect.name);
    const missing = notWritten.filter((each) => each.dialect === dialect.name);
    return [
      `\n${dialect.name}: ${dialect.consumer}\n`,
      ...distinct(ours.map(describeFile)),
      ...missing.map((each) => `  not written for ${subjectTitle(each)}: ${oneLine(each.reason)}\n`),
    ].join('');
  });
  return utf8(
    [
      HEAD,
      ...warnings.map((text) => `\n${comment('!', `WARNING: ${text}`)}`),
      leftOutSection(leftOut),
      ...sections,
    ].join(''),
  );
}

/** Reasons stand once, and not in every file's section again. */
function leftOutSection(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return '';
  const lines = leftOut.map(
    (each) => `  ${each.register} of ${subjectTitle(each)}: ${oneLine(each.reason)}\n`,
  );
  return `\nPinned by no file:\n${lines.join('')}`;
}

function describeFile({ path, covers, leavesOut }: PolicyFile): string {
  const titles = distinct([...covers, ...leavesOut].map(subjectTitle));
  const lines = titles.flatMap((title) => {
    const pins = covers.filter((each) => subjectTitle(each) === title);
    const leaves = leavesOut.filter((each) => subjectTitle(each) === title);
    const banks = distinct(pins.flatMap((each) => each.banks));
    return [
      `    ${title} pins ${registers(pins)}${banks.length === 0 ? '' : ` in ${banks.join(', ')}`}\n`,
      ...(leaves.length === 0 ? [] : [`    ${title} leaves out ${registers(leaves)}\n`]),
    ];
  });
  return [`  ${path}\n`, ...lines].join('');
}

function registers(items: readonly (LeftOut | { readonly register: RegisterName })[]): string {
  return items.length === 0 ? 'nothing' : items.map(({ register }) => register).join(', ');
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

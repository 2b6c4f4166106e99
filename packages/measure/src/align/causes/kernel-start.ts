import { equalBytes } from '../../bytes/compare.ts';
import { utf8, utf16, utf16z } from '../../bytes/text.ts';
import { hash } from '../../hash.ts';
import { parseTaggedEvent } from '../../tcg/decode/tagged.ts';
import { readableText } from '../../tcg/decode/text.ts';
import { type Cause, type CauseContext, type CauseRule, findRows, likely, proven } from '../cause.ts';
import { sectionCause } from './image.ts';

/** Tags of the kernel's EFI stub (Linux drivers/firmware/efi/libstub/efistub.h). */
const tags = { loadOptions: 0x8f3b22ed, initrd: 0x8f3b22ec } as const;

/** What the kernel's EFI stub measures: command line and initrd. */
export const kernelStartCause: CauseRule = (place, context) => {
  const { row } = place;
  const tag = tagOf(row.observed?.event.untrustedData ?? row.predicted?.data);
  if (tag === tags.loadOptions) return commandLine(place, context);
  if (tag === tags.initrd) return initrd(place, context);
  return undefined;
};

function tagOf(data: Uint8Array | undefined): number | undefined {
  return data && data.length >= 8 ? parseTaggedEvent(data.slice(0, 8).fill(0, 4)).tag : undefined;
}

function commandLine({ row }: Parameters<CauseRule>[0], context: CauseContext): Cause {
  if (row.relation === 'missing') return likely('command-line', 'The kernel got no command line at all');
  if (row.relation === 'extra') {
    const given = solve('', row.observed.event.digests, context);
    return given ?? likely('command-line', 'The kernel got a command line, and none was predicted');
  }
  const text =
    row.predicted.measuredText ?? /^command line "(.*)" in UTF-16/s.exec(row.predicted.description)?.[1];
  const solved = text === undefined ? undefined : solve(text, row.observed.event.digests, context);
  if (solved) return solved;
  const { sections } = context;
  if (sections.changed.includes('.cmdline'))
    return proven('command-line', 'The command line in the image (.cmdline) is another one');
  const [added] = findRows(
    context,
    ({ relation, observed }) => relation === 'extra' && observed?.event.registerIndex === 12,
  );
  if (added?.observed && context.file.registers === 'pcr')
    return likely(
      'command-line',
      `A command line from outside the image was added or took its place, which PCR 12 shows: ${added.observed.said.text}`,
    );
  if (sections.areKnown && !sections.missing.includes('.cmdline'))
    return likely(
      'command-line',
      'The command line was changed on the way from the image to the kernel, as the section is as predicted: by a boot loader or firmware; what comes from outside through the stub, PCR 12 would show',
    );
  return likely('command-line', 'The kernel got another command line');
}

/** Forms in which a command line can be hashed, by what they are called. */
const encodings: readonly { readonly what: string; readonly encode: (text: string) => Uint8Array }[] = [
  { what: '', encode: utf16z },
  { what: ', hashed without its NUL', encode: utf16 },
  { what: ', hashed as ASCII', encode: utf8 },
  { what: ', hashed as ASCII with its NUL', encode: (text) => utf8(`${text}\0`) },
];

/** Words that are often added by hand, by a boot loader or by a VMM (Linux Documentation/admin-guide/kernel-parameters.txt). */
const commonWords: readonly string[] = [
  'initrd=initrd',
  'quiet',
  'debug',
  'ro',
  'rw',
  'single',
  'nokaslr',
  'splash',
  'console=ttyS0',
  'console=ttyS0,115200',
  'console=tty0',
  'console=hvc0',
  'earlyprintk=serial',
  'init=/bin/sh',
  'rdinit=/bin/sh',
  'panic=-1',
  'loglevel=7',
  'ima_appraise=off',
  'lockdown=none',
  'mitigations=off',
  'nomodeset',
  'systemd.debug-shell',
  'systemd.unit=rescue.target',
  'rd.break',
];

/** More texts than this are not tried. */
const maxTrials = 4096;

/** Finds the text whose digest was observed among those near the predicted one. */
function solve(
  predicted: string,
  digests: ReadonlyMap<string, Uint8Array>,
  context: CauseContext,
): Cause | undefined {
  const [bank] = context.banks;
  const wanted = bank && digests.get(bank);
  if (!bank || !wanted) return undefined;
  let trials = 0;
  for (const text of nearTexts(predicted, context)) {
    if (trials++ > maxTrials) return undefined;
    const form = encodings.find(({ encode }) => equalBytes(hash(context.hasher, bank, encode(text)), wanted));
    if (!form) continue;
    if (text === predicted) return proven('command-line', `The command line is as predicted${form.what}`);
    return proven('command-line', `The command line is "${text}"${form.what}; predicted was "${predicted}"`);
  }
  return undefined;
}

function* nearTexts(text: string, context: CauseContext): Generator<string> {
  yield text;
  yield text.trim();
  for (const extra of [...loggedTexts(context), ...commonWords]) {
    yield extra;
    yield `${text} ${extra}`.trim();
    yield `${extra} ${text}`.trim();
  }
  yield `${text} `;
  yield `${text}\n`;
  yield text.toLowerCase();
  const words = text.split(' ');
  for (let i = 0; i < words.length; i++) {
    const rest = words.filter((_, index) => index !== i);
    yield rest.join(' ');
    for (const word of commonWords) yield words.with(i, word).join(' ');
  }
}

/** Command lines that the log itself tells: of GRUB, of SMBIOS. They are hints: what is found by them is recomputed. */
function loggedTexts({ file }: CauseContext): string[] {
  return file.log.events.flatMap(({ untrustedData, untrustedEventType }) => {
    // EV_IPL alone: other types hold no command line.
    if (untrustedEventType !== 0x0d || untrustedData.length > 8192) return [];
    const text = readableText(untrustedData);
    if (text === undefined) return [];
    const bare = text.replace(/^(kernel_cmdline|grub_kernel_cmdline): /, '');
    return bare === text && untrustedData[1] !== 0 ? [] : [bare];
  });
}

function initrd({ row }: Parameters<CauseRule>[0], context: CauseContext): Cause {
  if (row.relation === 'missing') return likely('initrd', 'The kernel got no initrd');
  if (row.relation === 'extra') return likely('initrd', 'The kernel got an initrd, and none was predicted');
  const { sections } = context;
  const source = row.predicted.source;
  const used = source.kind === 'sections' ? source.sections : ['.initrd'];
  const changed = [...sections.changed, ...sections.missing].filter((name) => used.includes(name));
  if (sections.areKnown && changed.length > 0) {
    const cause = sectionCause(sections);
    if (cause) return cause;
  }
  const beside = findRows(
    context,
    ({ relation, observed }) => relation === 'extra' && isBeside(observed?.event.registerIndex),
  );
  if (beside.length > 0)
    return likely(
      'credentials',
      'The stub put files beside the image (credentials, system extensions) into the initrd',
    );
  if (sections.areKnown && !sections.observed.includes('.initrd'))
    return likely('initrd', 'The initrd comes from outside the image');
  if (sections.areKnown)
    return likely(
      'stub',
      'The initrd’s sections are as predicted, so that the stub put something else around them: another version',
    );
  return likely('initrd', 'The kernel got another initrd');
}

function isBeside(registerIndex: number | undefined): boolean {
  return registerIndex === 12 || registerIndex === 13;
}

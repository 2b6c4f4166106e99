import { stubRules } from '../../uki/rules.ts';
import type { AlignedEvent } from '../align-events.ts';
import {
  type Cause,
  type CauseCode,
  type CauseContext,
  type CauseRule,
  findRows,
  likely,
  proven,
  typeOf,
} from '../cause.ts';
import type { SectionChanges } from '../section-changes.ts';

/** Device path of the kernel that old stubs hand to firmware, as events show it. */
const innerKernel = 'systemd-stub payload';

/** What each section is, and the cause that a change of it stands for. */
const sectionCauses: Readonly<Record<string, readonly [code: CauseCode, what: string]>> = {
  '.linux': ['kernel', 'the kernel'],
  '.uname': ['kernel', 'the kernel’s version'],
  '.initrd': ['initrd', 'the initrd'],
  '.cmdline': ['command-line', 'the command line'],
  '.osrel': ['os-release', 'os-release'],
  '.sbat': ['stub', 'SBAT, which comes with the stub'],
};

/** Programs that firmware loads. */
export const applicationCause: CauseRule = ({ row }, context) => {
  const type = typeOf(row);
  if (type === 'EV_EFI_BOOT_SERVICES_DRIVER' || type === 'EV_EFI_RUNTIME_SERVICES_DRIVER')
    return likely('option-rom', `A driver was loaded: ${shown(row)}; a device brings an option ROM`);
  if (type !== 'EV_EFI_BOOT_SERVICES_APPLICATION') return undefined;
  if (isInnerKernel(row)) return innerKernelCause(row, context);
  if (row.relation === 'extra') {
    const retried = context.file.log.events.length > 0 && findRows(context, isRetry).length > 0;
    if (retried)
      return likely('boot-retry', `A boot option came back and another program was started: ${shown(row)}`);
    return likely('extra-application', `One more program was started: ${shown(row)}`);
  }
  if (row.relation === 'missing') return likely('other-application', 'The image was not started');
  return imageCause(row, context);
};

function imageCause(row: AlignedEvent, context: CauseContext): Cause {
  const { sections } = context;
  const fromSections = sectionCause(sections);
  if (fromSections) return fromSections;
  if (sections.areKnown) return stubCause(sections, context);
  return likely(
    'other-image',
    `Another program was started, ${shown(row)}, and no stub measured its sections`,
  );
}

/** The image as a whole, from what differs of its parts. */
export function sectionCause({ areKnown, changed, missing, extra }: SectionChanges): Cause | undefined {
  if (!areKnown) return undefined;
  const gone = missing.filter((name) => name in sectionCauses && !versionDependent.has(name));
  const come = extra.filter((name) => !versionDependent.has(name));
  const all = [...changed, ...gone, ...come];
  const codes = [...new Set(all.map((name) => sectionCauses[name]?.[0] ?? 'image-section'))].filter(
    (code) => code !== 'stub',
  );
  const [only, ...others] = codes;
  if (only === undefined) return undefined;
  const text = [
    ...changed.map((name) => `${whatOf(name)} (${name}) is another one`),
    ...gone.map((name) => `${whatOf(name)} (${name}) is missing`),
    ...come.map((name) => `section ${name} is there and was not predicted`),
  ].join(', ');
  if (others.length > 0) return proven('other-image', `Another image: ${text}`);
  return proven(only, capital(text));
}

/** Sections that some stubs do not measure though they are in the image. */
const versionDependent: ReadonlySet<string> = new Set([
  '.uname',
  '.sbat',
  '.ucode',
  '.profile',
  '.dtbauto',
  '.hwids',
  '.efifw',
]);

/** All measured sections are equal, and the image is not: what is left is the stub. */
function stubCause(sections: SectionChanges, context: CauseContext): Cause {
  const versions = possibleStubs(sections, context);
  const which = versions ? `, of version ${versions}` : '';
  return likely('stub', `Every section is as predicted, so that the stub is another one${which}`);
}

/** Versions whose rules give what was observed, as text; `undefined` when they all do, or none does. */
function possibleStubs({ observed, predicted }: SectionChanges, context: CauseContext): string | undefined {
  const loadsKernel = findRows(context, (row) => row.relation !== 'missing' && isInnerKernel(row)).length > 0;
  const secureBoot =
    findRows(context, ({ observed: event }) => event?.said.text === 'variable SecureBoot: on').length > 0;
  const all = [...new Set([...predicted, ...observed])];
  const fitting: number[] = [];
  for (let major = oldestStub; major <= newestStub; major++) {
    const rules = stubRules(major);
    const measured = all.filter((name) => rules.measured.includes(name));
    if (measured.toSorted().join() !== observed.toSorted().join()) continue;
    if (!secureBoot && rules.loadsKernelImage !== loadsKernel) continue;
    fitting.push(major);
  }
  const [first] = fitting;
  const last = fitting.at(-1);
  if (first === undefined || last === undefined || fitting.length > newestStub - oldestStub) return undefined;
  return first === last ? String(first) : `${first} to ${last}`;
}

/** What `stubRules` has rows for. */
const oldestStub = 252;
const newestStub = 262;

function innerKernelCause(row: AlignedEvent, context: CauseContext): Cause {
  const secureBoot = findRows(
    context,
    ({ relation, observed }) => relation !== 'equal' && observed?.said.subject === 'variable SecureBoot',
  );
  if (row.relation === 'changed')
    return sectionCause(context.sections) ?? likely('kernel', 'The kernel in the image is another one');
  if (secureBoot.length > 0)
    return likely(
      'secure-boot',
      'Secure Boot decides whether the stub’s kernel passes through firmware, and it is not as predicted',
    );
  if (row.relation === 'extra')
    return likely(
      'stub',
      'The kernel inside the image passed through firmware’s loader, as stubs before 258 do it',
    );
  return likely(
    'stub',
    'The kernel inside the image did not pass through firmware’s loader: a stub of 258 or later, or Secure Boot',
  );
}

/** A section, as the stub measured it. */
export const sectionRowCause: CauseRule = ({ row, register, position }, context) => {
  if (typeOf(row) !== 'EV_IPL' || row.predicted?.source.kind !== 'section') return undefined;
  const fromSections = sectionCause(context.sections);
  if (fromSections) return fromSections;
  if (context.sections.areKnown) return stubCause(context.sections, context);
  if (register.rows.slice(position).every(({ relation }) => relation === 'missing'))
    return likely('other-image', 'No stub measured the sections of an image');
  return undefined;
};

/** What stands in the same register and was not predicted. */
export const extraIplCause: CauseRule = ({ row, register }, context) => {
  const { relation, observed } = row;
  if (relation !== 'extra' || !observed) return undefined;
  const { text, subject } = observed.said;
  if (subject?.startsWith('section .'))
    return sectionCause(context.sections) ?? stubCause(context.sections, context);
  if (['PCR12', 'PCR13', 'RTMR2'].includes(register.register)) {
    if (register.register === 'PCR13')
      return likely('system-extension', `A system extension beside the image: ${text}`);
    if (
      /cpio|credential/i.test(text) ||
      (!observed.check.reason.includes('UTF-16') && observed.check.verdict !== 'verified')
    )
      return likely('credentials', `Something beside the image was passed to the stub: ${text}`);
    return (observed.check.verdict === 'verified' ? proven : likely)(
      'command-line',
      `The command line was extended from outside the image: ${text}`,
    );
  }
  if (subject?.startsWith('boot loader '))
    return likely('extra-application', `A boot loader ran before the image: ${text}`);
  if (/^shim/.test(text)) return likely('extra-application', `shim ran before the image: ${text}`);
  return undefined;
};

function isInnerKernel({ observed, predicted }: AlignedEvent): boolean {
  if (observed?.said.text.includes(innerKernel)) return true;
  return predicted?.source.kind === 'section' && predicted.source.part === 'authenticode';
}

function isRetry({ observed }: AlignedEvent): boolean {
  return observed?.said.text.startsWith('"Returning from EFI Application') === true;
}

function shown({ observed, predicted }: AlignedEvent): string {
  return observed?.said.text ?? predicted?.description ?? '';
}

function whatOf(name: string): string {
  return sectionCauses[name]?.[1] ?? 'a section';
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

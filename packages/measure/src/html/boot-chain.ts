import type { BootStage, Prediction, RegisterName, RegisterPrediction } from '../predict/prediction.ts';
import { type Html, html } from './escape.ts';

/** One link of the boot chain: who measures, and in which stages. */
const LINKS: readonly {
  readonly name: string;
  readonly what: string;
  readonly stages: readonly BootStage[];
}[] = [
  { name: 'Launch', what: 'what the processor measures before anything runs', stages: ['launch'] },
  {
    name: 'Firmware',
    what: 'its code, the machine’s tables, Secure Boot, boot options',
    stages: ['crtm', 'firmware-volumes', 'handoff-tables', 'variables', 'configuration', 'boot-variables'],
  },
  {
    name: 'Boot',
    what: 'the boot option, the partition table',
    stages: ['boot-option', 'separators', 'partition-table'],
  },
  { name: 'Image', what: 'the EFI file', stages: ['image'] },
  { name: 'Stub', what: 'the sections of the image', stages: ['stub'] },
  {
    name: 'Kernel',
    what: 'kernel, command line, initrd',
    stages: ['kernel', 'kernel-start', 'exit-boot-services'],
  },
];

/** A link of the chain with the registers that it extends. */
export interface ChainLink {
  readonly name: string;
  readonly what: string;
  readonly registers: readonly { readonly register: RegisterName; readonly events: number }[];
}

/** Who extends which registers, in the order of the boot; links that extend nothing known are left out. */
export function bootChain(prediction: Prediction): ChainLink[] {
  return LINKS.map(({ name, what, stages }) => ({
    name,
    what,
    registers: prediction.registers.flatMap(({ register, events }) => {
      const count = events.filter(({ stage }) => stages.includes(stage)).length;
      return count === 0 ? [] : [{ register, events: count }];
    }),
  })).filter(({ registers }) => registers.length > 0);
}

/** The boot chain as a row of boxes with arrows; registers that are not predicted stand below. */
export function bootChainHtml(prediction: Prediction): Html {
  const links = bootChain(prediction).map(
    ({ name, what, registers }) =>
      html`<li><h3>${name}</h3><p>${what}</p><ul>${registers.map(
        ({ register, events }) =>
          html`<li><b>${register}</b> ${events} ${events === 1 ? 'event' : 'events'}</li>`,
      )}</ul></li>`,
  );
  const unknown = prediction.registers.filter(({ values }) => Object.keys(values).length === 0);
  return html`<ol class="chain">${links}</ol>${unknownHtml(unknown)}`;
}

function unknownHtml(registers: readonly RegisterPrediction[]): Html {
  if (registers.length === 0) return html``;
  return html`<p class="unknown">Not known before the boot: ${registers.map(({ register }) => register).join(', ')}</p>`;
}

import { utf16z } from '../bytes/text.ts';
import { mangleCommandLine } from '../uki/command-line.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';

/** What PCR 12 covers. */
export const describePcr12 = (): string =>
  'What reaches the stub from outside the image: command-line extras, addons, credentials';

/** PCR 12: zero, but for a command line that SMBIOS adds. */
export function predictPcr12(context: PredictionContext): RegisterAnswer {
  if ('unknown' in context.stub) return { status: 'unpredictable', reason: context.stub.unknown };
  const extra = mangleCommandLine(context.machine.smbiosCommandLine ?? '');
  if (extra === '' || !context.stub.value.smbiosCommandLine) {
    return {
      status: 'predicted',
      reason: 'Zero: nothing beside the image is passed to the stub',
      events: [],
    };
  }
  const data = utf16z(extra);
  const event = pcrEvent(context, 12, {
    stage: 'stub',
    eventType: 'EV_IPL',
    measured: [data],
    measuredText: extra,
    data,
    source: { kind: 'machine', fact: 'SMBIOS type 11 io.systemd.stub.kernel-cmdline-extra' },
    clause: 'systemd src/boot/stub.c `cmdline_append_and_measure_smbios`',
    dependsOn: ['stub', 'smbios'],
    description: `command line "${extra}" that SMBIOS adds, in UTF-16 with its NUL`,
  });
  return { status: 'predicted', reason: 'One command-line extra comes through SMBIOS', events: [event] };
}

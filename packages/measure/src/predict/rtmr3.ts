import type { RegisterAnswer } from './context.ts';
import type { PredictedEvent } from './prediction.ts';
import { rtmrEvent, type TdxContext } from './tdx-context.ts';

/** What RTMR 3 covers. */
export const describeRtmr3 = (): string =>
  'What the running system measures; firmware and kernel leave it zero';

/** RTMR 3: zero, or what the running system is known to extend it with. */
export function predictRtmr3(context: TdxContext): RegisterAnswer {
  const given = context.runtimeEvents ?? [];
  const events = given.map(
    ({ name, sha384 }): PredictedEvent =>
      rtmrEvent(context, 3, {
        stage: 'exit-boot-services',
        eventType: 'EV_EVENT_TAG',
        measured: { sha384 },
        data: new Uint8Array(0),
        dataIsExact: false,
        source: { kind: 'machine', fact: name },
        clause: 'the running system’s own',
        dependsOn: ['image'],
        description: `runtime event "${name}"`,
      }),
  );
  const reason =
    given.length === 0 ? 'Nothing in the image extends it' : 'The running system’s extensions are given';
  return { status: 'predicted', reason, events };
}

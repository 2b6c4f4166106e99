import { defaultHasher, type Hasher } from '../hash.ts';
import { replayPcr } from '../tpm/pcr.ts';
import type { RegisterAnswer } from './context.ts';
import { predictMrtd } from './mrtd.ts';
import type { Prediction, RegisterPrediction } from './prediction.ts';
import { describeRtmr0, predictRtmr0 } from './rtmr0.ts';
import { describeRtmr1, predictRtmr1 } from './rtmr1.ts';
import { describeRtmr2, predictRtmr2 } from './rtmr2.ts';
import { describeRtmr3, predictRtmr3 } from './rtmr3.ts';
import { known, mrIndexOfRtmr, type TdxContext, tdxContext } from './tdx-context.ts';
import type { TdxPredictionInput } from './tdx-machine.ts';

/** RTMR 0 to 3 in order. */
const rtmrs: readonly { describe: () => string; predict: (context: TdxContext) => RegisterAnswer }[] = [
  { describe: describeRtmr0, predict: predictRtmr0 },
  { describe: describeRtmr1, predict: predictRtmr1 },
  { describe: describeRtmr2, predict: predictRtmr2 },
  { describe: describeRtmr3, predict: predictRtmr3 },
];

/**
 * What an Intel TDX module will measure of a TD: MRTD and RTMR 0 to 3, each with its events, or with the fact that is
 * missing. A firmware file, an image or tables that cannot be understood make single registers unknown; nothing throws.
 */
export function predictTdx(input: TdxPredictionInput, hasher: Hasher = defaultHasher): Prediction {
  const context = tdxContext(input, hasher);
  const registers = rtmrs.map(({ describe, predict }, rtmr): RegisterPrediction => {
    const result = known(() => predict(context));
    const answer: RegisterAnswer =
      'value' in result ? result.value : { status: 'unpredictable', reason: result.unknown };
    const events = 'events' in answer ? answer.events : [];
    return {
      register: `RTMR${rtmr}`,
      registerIndex: mrIndexOfRtmr(rtmr),
      status: answer.status,
      reason: answer.reason,
      covers: describe(),
      events,
      values:
        'events' in answer
          ? {
              sha384: replayPcr(
                hasher,
                'sha384',
                events.flatMap(({ digests }) => digests.sha384 ?? []),
              ),
            }
          : {},
    };
  });
  return { technology: 'tdx', banks: ['sha384'], registers: [predictMrtd(context), ...registers] };
}

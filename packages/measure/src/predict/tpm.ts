import { defaultHasher, type Hasher } from '../hash.ts';
import type { PredictionContext, RegisterAnswer } from './context.ts';
import { findFirmware } from './firmware.ts';
import { describePcr00, predictPcr00 } from './pcr00.ts';
import { describePcr01, predictPcr01 } from './pcr01.ts';
import { describePcr02, predictPcr02 } from './pcr02.ts';
import { describePcr03, predictPcr03 } from './pcr03.ts';
import { describePcr04, predictPcr04 } from './pcr04.ts';
import { describePcr05, predictPcr05 } from './pcr05.ts';
import { describePcr06, predictPcr06 } from './pcr06.ts';
import { describePcr07, predictPcr07 } from './pcr07.ts';
import { describePcr08, predictPcr08 } from './pcr08.ts';
import { describePcr09, predictPcr09 } from './pcr09.ts';
import { describePcr10, predictPcr10 } from './pcr10.ts';
import { describePcr11, predictPcr11 } from './pcr11.ts';
import { describePcr12, predictPcr12 } from './pcr12.ts';
import { describePcr13, predictPcr13 } from './pcr13.ts';
import { describePcr14, predictPcr14 } from './pcr14.ts';
import { describePcr15, predictPcr15 } from './pcr15.ts';
import type { Prediction, RegisterPrediction } from './prediction.ts';
import { predictOrExplain, type TpmPredictionInput, tpmContext, tpmRegister } from './tpm-register.ts';

/** PCR 0 to 15 in order. */
const pcrs: readonly {
  describe: () => string;
  predict: (context: PredictionContext, earlier: readonly RegisterPrediction[]) => RegisterAnswer;
}[] = [
  { describe: describePcr00, predict: predictPcr00 },
  { describe: describePcr01, predict: predictPcr01 },
  { describe: describePcr02, predict: predictPcr02 },
  { describe: describePcr03, predict: predictPcr03 },
  { describe: describePcr04, predict: predictPcr04 },
  { describe: describePcr05, predict: predictPcr05 },
  { describe: describePcr06, predict: predictPcr06 },
  { describe: describePcr07, predict: predictPcr07 },
  { describe: describePcr08, predict: predictPcr08 },
  { describe: describePcr09, predict: predictPcr09 },
  { describe: describePcr10, predict: predictPcr10 },
  { describe: describePcr11, predict: predictPcr11 },
  { describe: describePcr12, predict: predictPcr12 },
  { describe: describePcr13, predict: predictPcr13 },
  { describe: describePcr14, predict: predictPcr14 },
  { describe: describePcr15, predict: predictPcr15 },
];

/**
 * What a TPM 2.0 will measure when firmware boots the image from a disk: PCR 0 to 15, each with its events, or with
 * the reason why it isn't known.
 *
 * Throws a `MeasureError` when the image is no PE file or the disk's partition table is broken.
 * An image that can be read but not understood makes single registers `unpredictable`.
 */
export function predictTpm(input: TpmPredictionInput, hasher: Hasher = defaultHasher): Prediction {
  const context = tpmContext(input, hasher);
  const registers: RegisterPrediction[] = [];
  for (const [registerIndex, { describe, predict }] of pcrs.entries()) {
    const answer = withStartedImage(
      registerIndex,
      context,
      withKnownFirmware(
        registerIndex,
        context,
        withUnderstoodMachine(
          registerIndex,
          context,
          withKnownOutside(
            registerIndex,
            context,
            withComparedStub(
              registerIndex,
              context,
              predictOrExplain(() => predict(context, registers)),
            ),
          ),
        ),
      ),
    );
    registers.push(tpmRegister(context, registerIndex, describe(), answer));
  }
  return { technology: 'tpm', banks: context.banks, registers };
}

/** Registers that firmware itself extends: what it does there was compared with boots of the known builds only. */
const FIRMWARE_PCRS: ReadonlySet<number> = new Set([2, 3, 4, 5]);

function withKnownFirmware(
  registerIndex: number,
  { machine }: PredictionContext,
  answer: RegisterAnswer,
): RegisterAnswer {
  if (!('events' in answer) || !FIRMWARE_PCRS.has(registerIndex) || findFirmware(machine.firmware))
    return answer;
  return { status: 'host-dependent', reason: 'The firmware is not known' };
}

/** Registers that what lies outside the image could extend or change: loaders before it, files beside it, the host. */
const OUTSIDE_PCRS: ReadonlySet<number> = new Set([8, 9, 12, 13, 14, 15]);

/** Of a machine that nobody described it is not known what it passes to the image. */
function withKnownOutside(
  registerIndex: number,
  { machine }: PredictionContext,
  answer: RegisterAnswer,
): RegisterAnswer {
  if (answer.status !== 'predicted' || !OUTSIDE_PCRS.has(registerIndex) || findFirmware(machine.firmware))
    return answer;
  return {
    ...answer,
    status: 'assumed',
    reason: `${answer.reason}; that nothing from outside reaches the image is assumed, as the machine is not known`,
  };
}

/** The rules of PCR 0 and 1 look at the machine themselves; the kernel's build decides PCR 10, the image PCR 11. */
const MACHINE_FREE_PCRS: ReadonlySet<number> = new Set([0, 1, 10, 11]);
const OPTION_ROM_PCR = 2;

/** What is not understood of a machine may be a device with a driver, another disk, or a command line. */
function withUnderstoodMachine(
  registerIndex: number,
  { machine }: PredictionContext,
  answer: RegisterAnswer,
): RegisterAnswer {
  const unknown = machine.qemu?.unknown ?? [];
  if (answer.status !== 'predicted' || unknown.length === 0 || MACHINE_FREE_PCRS.has(registerIndex))
    return answer;
  const what = `not all of the machine is understood: ${unknown.join('; ')}`;
  if (registerIndex === OPTION_ROM_PCR)
    return {
      status: 'host-dependent',
      reason: `Whether a device brings an option ROM is not known, as ${what}`,
    };
  return {
    ...answer,
    status: 'assumed',
    reason: `${answer.reason}; that nothing else has a part in it is assumed, as ${what}`,
  };
}

/** Registers that the stub extends, or whose events follow from what it does. */
const STUB_PCRS: ReadonlySet<number> = new Set([4, 9, 11, 12, 13]);

function withComparedStub(
  registerIndex: number,
  { stub }: PredictionContext,
  answer: RegisterAnswer,
): RegisterAnswer {
  if (answer.status !== 'predicted' || !STUB_PCRS.has(registerIndex)) return answer;
  if ('unknown' in stub || stub.value.compared) return answer;
  return {
    ...answer,
    status: 'assumed',
    reason: `What systemd-stub ${stub.value.major} does was read in source and never compared with a boot`,
  };
}

/** Registers that the image's start extends: none of them has the predicted value where firmware refuses it. */
const IMAGE_PCRS: ReadonlySet<number> = new Set([4, 5, 8, 9, 10, 11, 12, 13, 14, 15]);

function withStartedImage(
  registerIndex: number,
  { secureBoot }: PredictionContext,
  answer: RegisterAnswer,
): RegisterAnswer {
  if (!('events' in answer) || !IMAGE_PCRS.has(registerIndex)) return answer;
  if (secureBoot.kind !== 'refused') return answer;
  return { status: 'unpredictable', reason: secureBoot.reason };
}

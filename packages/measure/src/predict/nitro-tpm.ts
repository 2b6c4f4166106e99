import { defaultHasher, type Hasher, type HashName } from '../hash.ts';
import type { SecureBootVariables } from '../secure-boot/variables.ts';
import type { PredictionContext, RegisterAnswer } from './context.ts';
import type { KnownFirmware } from './firmware.ts';
import type { KernelFacts, Machine } from './machine.ts';
import { describePcr00 } from './pcr00.ts';
import { describePcr01 } from './pcr01.ts';
import { describePcr02 } from './pcr02.ts';
import { describePcr03 } from './pcr03.ts';
import { describePcr04, predictPcr04 } from './pcr04.ts';
import { describePcr05 } from './pcr05.ts';
import { describePcr06 } from './pcr06.ts';
import { describePcr07, predictPcr07 } from './pcr07.ts';
import { describePcr08, predictPcr08 } from './pcr08.ts';
import { describePcr09, predictPcr09 } from './pcr09.ts';
import { describePcr10, predictPcr10 } from './pcr10.ts';
import { describePcr11, predictPcr11 } from './pcr11.ts';
import { describePcr12, predictPcr12 } from './pcr12.ts';
import { describePcr13, predictPcr13 } from './pcr13.ts';
import { describePcr14, predictPcr14 } from './pcr14.ts';
import { describePcr15, predictPcr15 } from './pcr15.ts';
import type { Prediction } from './prediction.ts';
import { predictOrExplain, tpmContext, tpmRegister } from './tpm-register.ts';

/** An image on an EC2 instance with a NitroTPM, booted by UEFI from its disk. */
export interface NitroTpmPredictionInput {
  /** The unified kernel image. */
  readonly uki: Uint8Array;
  readonly kernel?: KernelFacts | undefined;
  /** The keys in the AMI's UEFI data, as signature lists; Secure Boot is on when there is a platform key. */
  readonly keys?: Partial<SecureBootVariables> | undefined;
  /** SHA-384 alone by default: it is the bank of NitroTPM's attestation documents. */
  readonly banks?: readonly HashName[] | undefined;
}

interface Rule {
  readonly describe: () => string;
  /** Absent where firmware that is Amazon's own decides. */
  readonly predict?: (context: PredictionContext) => RegisterAnswer;
}

/** PCR 0 to 15 in order. */
const pcrs: readonly Rule[] = [
  { describe: describePcr00 },
  { describe: describePcr01 },
  { describe: describePcr02 },
  { describe: describePcr03 },
  { describe: describePcr04, predict: predictPcr04 },
  { describe: describePcr05 },
  { describe: describePcr06 },
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

/** EC2's firmware always has the variable SecureBoot (aws/NitroTPM-Tools nitro-tpm-pcr-compute, `pcr7`). */
const firmware: KnownFirmware = { name: 'EC2’s firmware', secureBoot: true };

/**
 * What a NitroTPM will hold when an EC2 instance boots the image: PCR 4, 7 and 12, which its attestation documents are
 * judged by, and what stub and kernel extend; nothing of what firmware measures of itself, which Amazon does not publish.
 *
 * No value was compared with an instance, so that every one is `assumed` at best. A policy needs PCR 12 as well
 * (GHSA-xrv8-2pf5-f3q7): without it, what reaches the stub from outside the image is not judged.
 *
 * Throws a `MeasureError` when the image is no PE file.
 */
export function predictNitroTpm(
  { uki, kernel, keys = {}, banks = ['sha384'] }: NitroTpmPredictionInput,
  hasher: Hasher = defaultHasher,
): Prediction {
  // EC2's documentation, "How UEFI Secure Boot works": with a platform key it is on.
  const isOn = (keys.PK?.length ?? 0) > 0;
  const machine: Machine = { secureBoot: isOn ? 'on' : 'off', secureBootVariables: keys };
  const context = tpmContext({ uki, machine, kernel, banks }, hasher, firmware);
  const registers = pcrs.map(({ describe, predict }, index) =>
    tpmRegister(context, index, describe(), answer(context, predict)),
  );
  return { technology: 'tpm', banks, registers };
}

function answer(context: PredictionContext, predict: Rule['predict']): RegisterAnswer {
  if (!predict) {
    return {
      status: 'host-dependent',
      reason:
        'What EC2’s firmware measures here depends on the instance, and Amazon publishes no rule for it',
    };
  }
  if (context.secureBoot.kind === 'refused') {
    return { status: 'unpredictable', reason: context.secureBoot.reason };
  }
  const given = predictOrExplain(() => predict(context));
  if (!('events' in given)) return given;
  const reason = `${given.reason}; by Amazon’s tool and the rules for OVMF, not compared with an instance`;
  return { ...given, status: 'assumed', reason };
}

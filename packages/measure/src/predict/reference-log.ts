import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher } from '../hash.ts';
import { secureBootVariables } from '../secure-boot/variables.ts';
import { readVariableEvent } from '../tcg/decode/variable-data.ts';
import { checkDigests } from '../tcg/digest-check.ts';
import { eventTypes } from '../tcg/event-type.ts';
import type { PredictionContext, RegisterAnswer } from './context.ts';
import type { KernelFacts, Machine } from './machine.ts';
import { describePcr00 } from './pcr00.ts';
import { describePcr01 } from './pcr01.ts';
import { describePcr02 } from './pcr02.ts';
import { describePcr03 } from './pcr03.ts';
import { describePcr04 } from './pcr04.ts';
import { describePcr05 } from './pcr05.ts';
import { describePcr06 } from './pcr06.ts';
import { describePcr07 } from './pcr07.ts';
import { describePcr08, predictPcr08 } from './pcr08.ts';
import { describePcr09, predictPcr09 } from './pcr09.ts';
import { describePcr10, predictPcr10 } from './pcr10.ts';
import { describePcr11, predictPcr11 } from './pcr11.ts';
import { describePcr12, predictPcr12 } from './pcr12.ts';
import { describePcr13, predictPcr13 } from './pcr13.ts';
import { describePcr14, predictPcr14 } from './pcr14.ts';
import { describePcr15, predictPcr15 } from './pcr15.ts';
import type { Prediction, RegisterPrediction } from './prediction.ts';
import { type ReferenceBoot, readReferenceBoot } from './reference-boot.ts';
import {
  computeAlone,
  copyConfiguration,
  copyFirmwareRegister,
  replaceAuthority,
  replaceImage,
  replacePartitionTable,
} from './reference-registers.ts';
import { predictOrExplain, tpmContext, tpmRegister } from './tpm-register.ts';

/** An image for a machine of which one event log is known, of whatever it booted then. */
export interface ReferenceLogInput {
  /** The log in TCG2 form, whole (`/sys/kernel/security/tpm0/binary_bios_measurements`). */
  readonly log: Uint8Array;
  /** The unified kernel image that firmware will start itself, from the disk, without another loader. */
  readonly uki: Uint8Array;
  readonly disk?: Machine['disk'];
  readonly imagePath?: string | undefined;
  /** The consoles that firmware offers; stubs from 262 on may name them to the kernel. */
  readonly consoles?: Machine['consoles'];
  readonly kernel?: KernelFacts | undefined;
}

type Rule = (context: PredictionContext, boot: ReferenceBoot) => RegisterAnswer;

const firmwares =
  (pcr: number): Rule =>
  (context, boot) =>
    copyFirmwareRegister(boot, context, pcr);
const images =
  (pcr: number, predict: (context: PredictionContext) => RegisterAnswer): Rule =>
  (context, boot) =>
    computeAlone(boot, pcr, () => predict(context));

/** PCR 0 to 15 in order. */
const pcrs: readonly { describe: () => string; rule: Rule }[] = [
  { describe: describePcr00, rule: firmwares(0) },
  { describe: describePcr01, rule: (context, boot) => copyConfiguration(boot, context) },
  { describe: describePcr02, rule: firmwares(2) },
  { describe: describePcr03, rule: firmwares(3) },
  { describe: describePcr04, rule: (context, boot) => replaceImage(boot, context) },
  { describe: describePcr05, rule: (context, boot) => replacePartitionTable(boot, context) },
  { describe: describePcr06, rule: firmwares(6) },
  { describe: describePcr07, rule: (context, boot) => replaceAuthority(boot, context) },
  { describe: describePcr08, rule: images(8, predictPcr08) },
  { describe: describePcr09, rule: images(9, predictPcr09) },
  { describe: describePcr10, rule: images(10, predictPcr10) },
  { describe: describePcr11, rule: images(11, predictPcr11) },
  { describe: describePcr12, rule: images(12, predictPcr12) },
  { describe: describePcr13, rule: images(13, predictPcr13) },
  { describe: describePcr14, rule: images(14, predictPcr14) },
  { describe: describePcr15, rule: images(15, predictPcr15) },
];

/**
 * What a TPM will hold when a machine whose firmware is not ours boots the image: what firmware extends is copied from
 * a log of the same machine, what the image extends is computed and put in the places where the log has the other
 * image's. A register with a copied event is `assumed`, never more, and `registerTrust` tells how much of it is copied;
 * where the cut is not certain the register has no value.
 *
 * The banks are those of the log. Throws a `MeasureError` when the log is no whole TCG2 log, or the image no PE file.
 */
export function predictReferenceLog(
  { log, uki, disk, imagePath, consoles, kernel }: ReferenceLogInput,
  hasher: Hasher = defaultHasher,
): Prediction {
  const boot = readReferenceBoot(log, hasher);
  const facts = readSecureBoot(boot, hasher);
  const state = 'unknown' in facts ? { secureBoot: 'off' as const } : facts.machine;
  const firmware = 'unknown' in facts ? undefined : { name: 'this firmware', secureBoot: facts.knows };
  const given = tpmContext(
    { uki, machine: { ...state, disk, imagePath, consoles }, kernel, banks: boot.banks },
    hasher,
    firmware,
  );
  const context: PredictionContext =
    'unknown' in facts ? { ...given, secureBoot: { kind: 'missing', reason: facts.unknown } } : given;
  const registers = pcrs.map(({ describe, rule }, pcr): RegisterPrediction => {
    const answer = withStartedImage(context, pcr, () => rule(context, boot));
    if (pcr !== 0 || boot.startupLocality === undefined) return tpmRegister(context, pcr, describe(), answer);
    const { startupLocality } = boot;
    return { ...tpmRegister(context, pcr, describe(), answer, startupLocality), startupLocality };
  });
  return { technology: 'tpm', banks: boot.banks, registers };
}

/** Firmware that refuses the image goes on to something else, and to other values from PCR 4 on. */
function withStartedImage(
  context: PredictionContext,
  pcr: number,
  rule: () => RegisterAnswer,
): RegisterAnswer {
  const { secureBoot } = context;
  if (pcr >= 4 && pcr !== 6 && secureBoot.kind === 'refused') {
    return { status: 'unpredictable', reason: secureBoot.reason };
  }
  return predictOrExplain(rule);
}

type SecureBootFacts =
  | { readonly unknown: string }
  | { readonly machine: Pick<Machine, 'secureBoot' | 'secureBootVariables'>; readonly knows: boolean };

/** The keys and the switch as firmware measured them: their events hold the contents, and their digests prove these. */
function readSecureBoot({ events }: ReferenceBoot, hasher: Hasher): SecureBootFacts {
  const contents = new Map<string, Uint8Array>();
  for (const event of events) {
    if (event.registerIndex !== 7 || event.untrustedEventType !== eventTypes.EV_EFI_VARIABLE_DRIVER_CONFIG)
      continue;
    if (checkDigests(event, hasher).verdict !== 'verified') {
      return {
        unknown: 'The reference log’s events of Secure Boot’s variables do not hold what was measured',
      };
    }
    try {
      const { name, contents: bytes } = readVariableEvent(event.untrustedData);
      contents.set(name, bytes);
    } catch (error) {
      if (!(error instanceof MeasureError)) throw error;
      return { unknown: `The reference log’s variables of Secure Boot can’t be read: ${error.message}` };
    }
  }
  const names = ['SecureBoot', 'PK', 'KEK', 'db', 'dbx'];
  const missing = names.find((name) => !contents.has(name));
  if (missing !== undefined)
    return { unknown: `The reference log does not tell what the variable ${missing} held` };
  const of = (name: string) => contents.get(name) ?? new Uint8Array(0);
  const [enabled] = of('SecureBoot');
  const variables = secureBootVariables({
    PK: of('PK'),
    KEK: of('KEK'),
    db: of('db'),
    dbx: of('dbx'),
    dbt: of('dbt'),
    // With keys enrolled, firmware's set-up may still have switched it off.
    enable: enabled,
  });
  return {
    machine: { secureBoot: enabled === 1 ? 'on' : 'off', secureBootVariables: variables },
    knows: enabled !== undefined,
  };
}

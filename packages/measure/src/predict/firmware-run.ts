import type { ObservedExtend } from '../align/observed.ts';
import { fromHex, toHex } from '../bytes/hex.ts';
import { defaultHasher, type Hasher, type HashName, hash, hashNames } from '../hash.ts';
import { actions, separatorData } from '../tcg/event-data.ts';
import type { EventTypeName } from '../tcg/event-type.ts';
import type { BankDigests } from '../tpm/bank.ts';
import { replayPcr } from '../tpm/pcr.ts';
import type { BootStage, PredictedEvent, Prediction, RegisterPrediction } from './prediction.ts';

/** PCR 0 to 7: each gets a separator before firmware starts a boot option. */
const FIRMWARE_PCRS = [0, 1, 2, 3, 4, 5, 6, 7];

/** How far firmware has come by the extensions that a TPM received. */
export interface FirmwareProgress {
  /** True when firmware has closed PCR 0 to 7 with separators: what is left is the boot option. */
  readonly separated: boolean;
  /**
   * What firmware measured before it turned to the boot option's disk or image; `undefined` as long as nothing of
   * that has come, so that more may still be firmware's own.
   */
  readonly firmware: readonly ObservedExtend[] | undefined;
}

/**
 * Tells firmware's own measurements from those of the boot option (PC Client Platform Firmware Profile 1.06, 3.3.4):
 * after the separators the first extension of PCR 4 or 5 is the disk's partition table or the image. What comes from
 * there on may be the image's own doing and is not looked at.
 */
export function firmwareProgress(
  all: readonly ObservedExtend[],
  hasher: Hasher = defaultHasher,
): FirmwareProgress {
  const isSeparator = digestTest(hasher, separatorData);
  const isAction = digestTest(hasher, actions.callingApplication);
  const open = new Set(FIRMWARE_PCRS);
  let attempts = 0;
  for (const [index, each] of all.entries()) {
    const { registerIndex } = each;
    if (isSeparator(each)) {
      open.delete(registerIndex);
    } else if (registerIndex === 4 && isAction(each)) {
      attempts += 1;
      if (attempts > 1) return { separated: open.size === 0, firmware: all.slice(0, index) };
    } else if (open.size === 0 && (registerIndex === 4 || registerIndex === 5)) {
      return { separated: true, firmware: all.slice(0, index) };
    }
  }
  return { separated: open.size === 0, firmware: undefined };
}

/** Whether an extension has the digest of `data`, in each bank that it names. */
function digestTest(hasher: Hasher, data: Uint8Array): (extend: ObservedExtend) => boolean {
  const wanted = new Map<string, string>(hashNames.map((bank) => [bank, toHex(hash(hasher, bank, data))]));
  return ({ digests }) => {
    const named = Object.entries(digests).filter(([bank]) => wanted.has(bank));
    return named.length > 0 && named.every(([bank, digest]) => wanted.get(bank) === digest);
  };
}

/** Registers that firmware alone extends: no image, stub or kernel adds to them. */
const FIRMWARE_ONLY = [0, 2, 3, 6];

/**
 * The prediction with what a run of the firmware alone gave, on the same machine, in place of what could not be
 * computed. Such a register is `assumed` and its reason says where its value is from: nothing pins it. A register that
 * was computed stays, unless the run contradicts it: then nothing is known of it.
 *
 * `registers` are PCR 0, 2, 3 and 6. A caller that knows the image to add nothing to PCR 1 or 7 may name them too.
 */
export function withFirmwareRun(
  prediction: Prediction,
  firmware: readonly ObservedExtend[],
  hasher: Hasher = defaultHasher,
  registers: readonly number[] = FIRMWARE_ONLY,
): Prediction {
  const replace = (register: RegisterPrediction): RegisterPrediction => {
    if (!registers.includes(register.registerIndex)) return register;
    return replaceRegister(register, prediction.banks, firmware, hasher);
  };
  return { ...prediction, registers: prediction.registers.map(replace) };
}

function replaceRegister(
  register: RegisterPrediction,
  banks: readonly HashName[],
  firmware: readonly ObservedExtend[],
  hasher: Hasher,
): RegisterPrediction {
  const events = firmware.flatMap((extend, index) =>
    extend.registerIndex === register.registerIndex ? observedEvent(extend, index, banks, hasher) : [],
  );
  const values = replay(events, banks, hasher);
  if (!values) return register;
  if (register.status !== 'predicted' && register.status !== 'assumed') {
    const reason = `Observed in a run of the firmware alone and not computed, as no static answer was given: ${register.reason}`;
    return { ...register, status: 'assumed', reason, events: numbered(events), values };
  }
  const differs = banks.some((bank) => hex(register.values[bank]) !== hex(values[bank]));
  if (!differs) return register;
  return {
    ...register,
    status: 'unpredictable',
    reason: 'A run of the firmware alone on this machine gave another value than the computed one',
    events: [],
    values: {},
  };
}

/** The values in all banks, or `undefined` where an extension lacks one or nothing was extended. */
function replay(
  events: readonly PredictedEvent[],
  banks: readonly HashName[],
  hasher: Hasher,
): BankDigests | undefined {
  const values: Partial<Record<HashName, Uint8Array>> = {};
  for (const bank of banks) {
    const digests = events.flatMap((event) => event.digests[bank] ?? []);
    if (digests.length === 0 || digests.length !== events.length) return undefined;
    values[bank] = replayPcr(hasher, bank, digests);
  }
  return values;
}

/** What an extension of a register most likely is. A TPM gets digests only: the type is presumed. */
const presumed: Readonly<Record<number, readonly [EventTypeName, BootStage]>> = {
  0: ['EV_EFI_PLATFORM_FIRMWARE_BLOB', 'firmware-volumes'],
  1: ['EV_EFI_HANDOFF_TABLES', 'handoff-tables'],
  2: ['EV_EFI_BOOT_SERVICES_DRIVER', 'configuration'],
  7: ['EV_EFI_VARIABLE_DRIVER_CONFIG', 'variables'],
};

function observedEvent(
  extend: ObservedExtend,
  index: number,
  banks: readonly HashName[],
  hasher: Hasher,
): PredictedEvent {
  const { registerIndex, digests } = extend;
  const isSeparator = digestTest(hasher, separatorData)(extend);
  const [eventType, stage] = isSeparator
    ? (['EV_SEPARATOR', 'separators'] as const)
    : (presumed[registerIndex] ?? (['EV_NONHOST_INFO', 'configuration'] as const));
  return {
    register: `PCR${registerIndex}`,
    registerIndex,
    stage,
    eventType,
    digests: Object.fromEntries(
      banks.flatMap((bank) => {
        const digest = digests[bank];
        return digest === undefined ? [] : [[bank, fromHex(digest)]];
      }),
    ),
    data: isSeparator ? separatorData : new Uint8Array(0),
    dataIsExact: isSeparator,
    source: { kind: 'reference-log', index },
    clause: 'observed in a run of the firmware alone',
    dependsOn: ['firmware', 'vmm', 'cpu-model', 'ram', 'vcpus', 'devices'],
    description: isSeparator
      ? 'separator: firmware is done with its own part of the register'
      : 'what firmware measured in a run of its own; its type is presumed',
  };
}

/** PCR 0 begins with the version. */
function numbered(events: readonly PredictedEvent[]): readonly PredictedEvent[] {
  const [first, ...rest] = events;
  if (first?.registerIndex !== 0 || first.eventType === 'EV_SEPARATOR') return events;
  return [{ ...first, eventType: 'EV_S_CRTM_VERSION', stage: 'crtm' }, ...rest];
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && toHex(bytes);
}

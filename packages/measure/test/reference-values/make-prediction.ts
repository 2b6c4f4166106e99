import { defaultHasher, type HashName, hash } from '../../src/hash.ts';
import type {
  PredictedEvent,
  Prediction,
  RegisterName,
  RegisterPrediction,
  RegisterStatus,
  Technology,
} from '../../src/predict/prediction.ts';
import { measure } from '../../src/tpm/bank.ts';
import { replayPcr } from '../../src/tpm/pcr.ts';

const BANKS: Readonly<Record<Technology, readonly HashName[]>> = {
  tpm: ['sha1', 'sha256', 'sha384', 'sha512'],
  tdx: ['sha384'],
  snp: ['sha384'],
};

function indexOf(register: RegisterName): number {
  const digits = Number(/\d+$/.exec(register)?.[0] ?? 0);
  return register.startsWith('RTMR') ? digits + 1 : digits;
}

/** One event whose measured bytes are the text. */
export function makeEvent(
  technology: Technology,
  register: RegisterName,
  text: string,
  changes: Partial<PredictedEvent> = {},
): PredictedEvent {
  const data = new TextEncoder().encode(text);
  return {
    register,
    registerIndex: indexOf(register),
    stage: 'image',
    eventType: 'EV_EFI_BOOT_SERVICES_APPLICATION',
    digests: measure(defaultHasher, BANKS[technology], [data]),
    data,
    dataIsExact: true,
    source: { kind: 'image', length: data.length },
    clause: 'made for a test',
    dependsOn: ['image'],
    description: text,
    ...changes,
  };
}

/** A register with these events; its values follow from them. */
export function makeRegister(
  technology: Technology,
  register: RegisterName,
  status: RegisterStatus,
  events: readonly PredictedEvent[] = [makeEvent(technology, register, `${register} of a test`)],
): RegisterPrediction {
  const isKnown = status === 'predicted' || status === 'assumed';
  const value = (bank: HashName) =>
    register === 'MRTD' || register === 'LAUNCH_DIGEST'
      ? hash(defaultHasher, bank, new TextEncoder().encode(register))
      : replayPcr(
          defaultHasher,
          bank,
          events.flatMap(({ digests }) => digests[bank] ?? []),
        );
  return {
    register,
    registerIndex: indexOf(register),
    status,
    reason: `reason for ${status}`,
    covers: `what ${register} covers`,
    events: isKnown ? events : [],
    values: isKnown ? Object.fromEntries(BANKS[technology].map((bank) => [bank, value(bank)])) : {},
  };
}

/** A prediction with these registers. */
export function makePrediction(
  technology: Technology,
  registers: { readonly [register in RegisterName]?: RegisterStatus | RegisterPrediction },
): Prediction {
  const entries = Object.entries(registers) as [RegisterName, RegisterStatus | RegisterPrediction][];
  return {
    technology,
    banks: BANKS[technology],
    registers: entries.map(([register, given]) =>
      typeof given === 'string' ? makeRegister(technology, register, given) : given,
    ),
  };
}

/** A TPM with a register of each status. */
export const tpmPrediction = makePrediction('tpm', {
  PCR0: 'unpredictable',
  PCR1: 'host-dependent',
  PCR2: 'predicted',
  PCR4: 'predicted',
  PCR7: 'assumed',
  PCR9: 'predicted',
  PCR10: 'predicted',
  PCR11: 'predicted',
  PCR12: makeRegister('tpm', 'PCR12', 'predicted', []),
  PCR13: 'not-predicted',
});

export const tdxPrediction = makePrediction('tdx', {
  MRTD: 'predicted',
  RTMR0: 'host-dependent',
  RTMR1: 'predicted',
  RTMR2: 'predicted',
  RTMR3: makeRegister('tdx', 'RTMR3', 'predicted', []),
});

export const snpPrediction = makePrediction('snp', { LAUNCH_DIGEST: 'predicted' });

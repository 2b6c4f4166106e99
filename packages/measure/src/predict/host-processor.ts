import type { Prediction, RegisterPrediction } from './prediction.ts';

/**
 * The prediction for a machine that KVM runs, with the host's processor instead of the predicted one: what follows from
 * the processor is not known any more.
 */
export function withHostProcessor(prediction: Prediction): Prediction {
  return { ...prediction, registers: prediction.registers.map(withoutProcessor) };
}

function withoutProcessor(register: RegisterPrediction): RegisterPrediction {
  if (!register.events.some(({ dependsOn }) => dependsOn.includes('cpu-model'))) return register;
  const reason = 'Under KVM the processor is the host’s, which the firmware’s tables show';
  return { ...register, status: 'host-dependent', reason, values: {}, events: [] };
}

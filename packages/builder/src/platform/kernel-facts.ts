import type { KernelFacts } from '@altee/measure';
import { parseKernelConfig } from '../kernel/config.ts';
import type { MeasuredImage } from './measured-image.ts';

/** What the kernel's configuration says about its measurements: IMA, where it is built in, extends PCR 10. */
export function kernelFacts({ kernelConfig }: MeasuredImage): KernelFacts {
  return kernelConfig === undefined ? {} : { ima: parseKernelConfig(kernelConfig).get('IMA') === 'y' };
}

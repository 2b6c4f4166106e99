import type { Input } from '../schema/input.ts';
import { rule } from './rule.ts';

/** Features of the kernel without which an input can't arrive. */
const features: Readonly<Partial<Record<Input['kind'], readonly string[]>>> = {
  'virtio-blk': ['virtio', 'block'],
  'virtio-console': ['virtio'],
  vsock: ['virtio', 'vsock'],
};

/** A declared input can arrive. */
export const inputsHaveFeatures = rule(['inputs', 'kernel'], ({ inputs, kernel }) =>
  inputs.flatMap(({ name, kind }, index) => {
    const absent = (features[kind] ?? []).filter((feature) => !kernel.features.includes(feature));
    if (absent.length === 0) return [];
    const message = `The input "${name}" is of kind "${kind}", and the kernel has no feature ${absent.map((one) => `"${one}"`).join(' and ')}`;
    return [
      { path: ['inputs', index, 'kind'], message, advice: `Add ${absent.join(', ')} to "kernel.features"` },
    ];
  }),
);

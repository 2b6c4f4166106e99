import { z } from 'zod';
import { label, projectPath, size } from './scalars.ts';

/** Ways by which bytes reach a running image that no register measures. */
const inputKinds = [
  'smbios',
  'fw-cfg',
  'efi-variable',
  'virtio-blk',
  'virtio-console',
  'vsock',
  'network',
  'instance-metadata',
] as const;

export const input = z
  .strictObject({
    name: label.describe('Name under which the app finds it'),
    kind: z.enum(inputKinds).describe('How it reaches the image'),
    schema: projectPath
      .optional()
      .describe("What it may hold: a JSON Schema file, relative to the manifest's folder"),
    maxSize: size.prefault('64KiB').describe('Most bytes that are read of it'),
  })
  .transform(({ maxSize, ...rest }) => ({ ...rest, maxSizeBytes: maxSize }))
  .describe('One input that reaches the image unmeasured');

export type Input = z.output<typeof input>;

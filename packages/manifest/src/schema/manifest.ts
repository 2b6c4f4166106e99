import { z } from 'zod';
import { app } from './app.ts';
import { input } from './input.ts';
import { hardening, kernel } from './kernel.ts';
import { leaks } from './leaks.ts';
import { network } from './network.ts';
import { platform } from './platform.ts';
import { label, version } from './scalars.ts';

export const apiVersion = 'altee/v1';

/**
 * The whole manifest, field by field; what spans fields stands in `rules/`.
 * Parsing fills in every default and turns sizes into bytes.
 */
export const manifestSchema = z
  .strictObject({
    apiVersion: z.literal(apiVersion).describe('Version of this format'),
    name: label.describe('Name of the image'),
    version: version.describe('Version of the application'),
    app,
    kernel,
    hardening,
    leaks,
    network,
    inputs: z
      .array(input)
      .max(64)
      .default([])
      .describe('Everything that reaches the image unmeasured; PID 1 refuses the rest'),
    platforms: z
      .record(label, platform)
      .prefault({ lab: { kind: 'qemu-tpm' } })
      .describe('Machines for which measurements are predicted, each under a name of your own'),
    outputs: z
      .array(z.enum(['uki', 'disk']))
      .min(1)
      .max(2)
      .default(['uki', 'disk'])
      .describe('uki: the EFI file; disk: a raw GPT disk with it'),
  })
  .describe('altee manifest: one application, one hardened kernel, one measured EFI file');

/** A file with platforms alone, for images that come without a manifest. */
export const platformFileSchema = z
  .strictObject({
    apiVersion: z.literal(apiVersion).describe('Version of this format'),
    platforms: z
      .record(label, platform)
      .describe('Machines for which measurements are predicted, each under a name of your own'),
  })
  .describe('altee platforms: machines for which measurements are predicted');

/** A manifest after parsing: every default filled in, sizes as bytes, digests as `sha256:…`. */
export type Manifest = z.output<typeof manifestSchema>;

/** A manifest as it is written. */
export type ManifestInput = z.input<typeof manifestSchema>;

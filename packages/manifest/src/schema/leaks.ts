import { z } from 'zod';
import { reason } from './scalars.ts';

/** What the final bytes of an image are searched for. */
const leakKinds = [
  'path',
  'user',
  'host',
  'date',
  'time-stamp',
  'certificate',
  'private-key',
  'secret',
] as const;

export const leaks = z
  .strictObject({
    exceptions: z
      .array(
        z.strictObject({
          what: z.enum(leakKinds).describe('The kind of leak, as the message of the build names it'),
          where: z
            .string()
            .min(1)
            .max(1024)
            .regex(/^[^\p{Cc}]+$/u, 'must be a place without control characters')
            .describe('Whole names of the place as the build shows it, such as app/hello or kernel.config'),
          reason,
        }),
      )
      .max(64)
      .default([])
      .describe('Findings that are no leak, each with its reason'),
  })
  .prefault({})
  .describe(
    'A build fails when its results hold paths, names, times, keys or secrets of the machine that made them',
  );

export type Leaks = z.output<typeof leaks>;
export type LeakKind = (typeof leakKinds)[number];

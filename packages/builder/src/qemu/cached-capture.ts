import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { QemuHandoff } from '@altee/measure';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type CaptureOptions, captureMachine } from './capture.ts';

/** To be raised with every change of what a capture does to a machine or reads out of it. */
const CAPTURE_VERSION = 1;

const Stored = z.object({
  cpu: z.object({
    vendor: z.string(),
    physicalAddressBits: z.int(),
    guestPhysicalAddressBits: z.int(),
    gigabytePages: z.boolean(),
    la57: z.boolean(),
  }),
  /** Name → contents in base64. */
  fwCfg: z.record(z.string(), z.string()),
});

/** A capture, and the digest of the firmware's code file in hex, by which it is kept. */
export interface CachedCaptureOptions extends CaptureOptions {
  readonly store: Store;
  readonly codeSha256: string;
}

/** As `captureMachine`, but each machine is read out once: QEMU gives the same bytes every time. */
export async function cachedCapture({
  store,
  codeSha256,
  ...options
}: CachedCaptureOptions): Promise<QemuHandoff> {
  const { root, description, rules } = options;
  const { mmconfigBase, window, smm } = rules;
  const facts = { version: CAPTURE_VERSION, root: root.digest, codeSha256, mmconfigBase, window, smm };
  const key = createHash('sha256')
    .update(JSON.stringify({ ...facts, description }))
    .digest('hex');
  const tree = await store.addTree('output', `machine-${key}`, async (folder) => {
    const { cpu, fwCfg } = await captureMachine(options);
    const files = Object.entries(fwCfg).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
    await writeFile(join(folder, 'handoff.json'), JSON.stringify({ cpu, fwCfg: Object.fromEntries(files) }));
  });
  const { cpu, fwCfg } = Stored.parse(JSON.parse(await readFile(join(tree, 'handoff.json'), 'utf8')));
  const files = Object.entries(fwCfg).map(([name, text]) => [
    name,
    Uint8Array.from(Buffer.from(text, 'base64')),
  ]);
  return { cpu, fwCfg: Object.fromEntries(files) };
}

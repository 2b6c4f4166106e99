import { utf16z } from '../bytes/text.ts';
import type { SidecarArchive } from '../uki/sidecars.ts';
import { type PredictionContext, pcrEvent } from './context.ts';
import type { PredictedEvent } from './prediction.ts';

/** The event for an archive of files beside the image. */
export function archiveEvent(
  context: PredictionContext,
  { sidecar, bytes, files }: SidecarArchive,
): PredictedEvent {
  return pcrEvent(context, sidecar.pcr, {
    stage: 'stub',
    eventType: 'EV_IPL',
    measured: [bytes],
    data: utf16z(sidecar.name),
    source: { kind: 'machine', fact: `files beside the image: ${files.join(', ')}` },
    clause: 'systemd src/boot/cpio.c `pack_cpio`',
    dependsOn: ['stub', 'side-files'],
    description: `archive of ${bytes.length} bytes with ${files.join(', ')} below /${sidecar.target}`,
  });
}

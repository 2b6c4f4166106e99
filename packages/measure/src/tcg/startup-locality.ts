import { equalBytes } from '../bytes/compare.ts';
import { ascii } from '../bytes/text.ts';
import type { EventLog, LoggedEvent } from './event-log.ts';
import { eventTypes } from './event-type.ts';

const signature = ascii('StartupLocality\0');

/** What PCR 0 starts from where hardware measured before the TPM was started (TPM 2.0 part 1, 34.3). */
const hardwareCrtm = 4;

/**
 * What PCR 0 of a logged boot started from, in its last byte: 4 where its first extension is that of an H-CRTM, else the
 * locality that an event StartupLocality tells (PC Client Platform Firmware Profile 1.06, 10.4.5.3), else 0. An H-CRTM
 * that comes later resets nothing: what was measured before would go out of sight.
 */
export function startupLocality({ events }: Pick<EventLog, 'events'>): number {
  const first = events.find(
    ({ registerIndex, untrustedEventType }) =>
      registerIndex === 0 && untrustedEventType !== eventTypes.EV_NO_ACTION,
  );
  if (first?.untrustedEventType === eventTypes.EV_EFI_HCRTM_EVENT) return hardwareCrtm;
  return events.map(toldLocality).find((locality) => locality !== undefined) ?? 0;
}

function toldLocality(event: LoggedEvent): number | undefined {
  const { untrustedData: data, untrustedEventType, registerIndex } = event;
  if (untrustedEventType !== eventTypes.EV_NO_ACTION || registerIndex !== 0) return undefined;
  return equalBytes(data.subarray(0, signature.length), signature) ? data[signature.length] : undefined;
}

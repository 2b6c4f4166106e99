import { toHex } from '../../bytes/hex.ts';
import { showAscii } from '../../bytes/text.ts';
import { describeEvent, shownEventType } from '../../tcg/describe-event.ts';
import { registerName } from '../../tcg/log-file.ts';
import { readEventLog } from '../../tcg/read-event-log.ts';
import type { Format } from '../parts.ts';

/** A crypto-agile event log: a part for each event (PC Client Platform Firmware Profile 1.06, 10.4). */
export const eventLogFormat: Format = {
  name: 'event log',
  recognises: (bytes) => showAscii(bytes.subarray(32, 47)) === 'Spec ID Event03',
  split: (bytes) => {
    const { log, registers } = readEventLog(bytes);
    return {
      format: 'event log',
      parts: log.events.map((event) => ({
        name: `event ${event.index + 1}`,
        fields: [
          { name: 'register', value: registerName(registers, event.registerIndex) },
          { name: 'type', value: shownEventType(event) },
          { name: 'data', value: describeEvent(event).text },
          ...[...event.digests].map(([bank, digest]) => ({ name: bank, value: toHex(digest) })),
        ],
      })),
    };
  },
};

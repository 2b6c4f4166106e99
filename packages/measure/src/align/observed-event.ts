import { defaultHasher, type Hasher } from '../hash.ts';
import type { DecodedData } from '../tcg/decode/decoded.ts';
import { describeEvent, shownEventType } from '../tcg/describe-event.ts';
import { checkDigests, type DigestCheck } from '../tcg/digest-check.ts';
import type { LoggedEvent } from '../tcg/event-log.ts';
import { eventTypes } from '../tcg/event-type.ts';
import type { EventLogFile } from '../tcg/log-file.ts';

/** An event of a log with all that can be said of it. */
export interface ObservedEvent {
  readonly event: LoggedEvent;
  /** The type's name, as the log claims it. */
  readonly untrustedType: string;
  /** What the data say, in words: as true as `check` says. */
  readonly said: DecodedData;
  readonly check: DigestCheck;
  /** False for events that tell something and extend nothing. */
  readonly isExtended: boolean;
}

/** All events of a log, in its order, described and checked. */
export function observeEvents(file: EventLogFile, hasher: Hasher = defaultHasher): ObservedEvent[] {
  return file.log.events.map((event) => {
    const check = checkDigests(event, hasher);
    return {
      event,
      untrustedType: shownEventType(event),
      said: sectionPart(describeEvent(event), check),
      check,
      isExtended: event.untrustedEventType !== eventTypes.EV_NO_ACTION,
    };
  });
}

/** The systemd stub measures each section twice with the same data: its name, which the digest shows, and its contents. */
function sectionPart(said: DecodedData, { verdict }: DigestCheck): DecodedData {
  if (!said.subject?.startsWith('section ')) return said;
  return { ...said, text: `${verdict === 'verified' ? 'name' : 'contents'} of ${said.text}` };
}

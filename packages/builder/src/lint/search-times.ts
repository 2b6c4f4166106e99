import type { LeakFacts } from './facts.ts';
import type { Hit } from './leak.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY = 86_400;
/** What the clocks of a build may be ahead by. */
const AHEAD = DAY;
const MAX_HITS = 20;

/** True for a moment that only the build itself can have written down. */
export function isOfTheBuild(seconds: number, { after, now }: LeakFacts): boolean {
  return seconds > after && seconds <= now + AHEAD;
}

/** Finds dates and times in text that are younger than all that went into the build. */
export function searchTimes(bytes: Buffer, facts: LeakFacts): Hit[] {
  return [...searchDates(bytes, facts), ...searchEpochs(bytes, facts), ...searchGzip(bytes, facts)];
}

/** Each year that is possible, and around it the ways in which dates are written. */
function searchDates(bytes: Buffer, facts: LeakFacts): Hit[] {
  const [first, last] = [facts.after, facts.now].map((seconds) => new Date(1000 * seconds).getUTCFullYear());
  const hits: Hit[] = [];
  for (let year = first ?? 0; year <= (last ?? 0); year++) {
    const text = String(year);
    for (let at = bytes.indexOf(text); at >= 0 && hits.length < MAX_HITS; at = bytes.indexOf(text, at + 1)) {
      const found = dateAround(bytes, at);
      if (!found || !isYounger(found, facts)) continue;
      const { offset, length } = found;
      hits.push({ what: 'date', which: 'a date after the time of the lock', offset, length });
    }
  }
  return hits;
}

interface FoundDate {
  readonly offset: number;
  readonly length: number;
  /** Seconds since 1970 of the day's beginning, in UTC. */
  readonly day: number;
  /** Seconds since 1970, where the time of day is there. */
  readonly seconds: number | undefined;
}

/** Ways that have the year first. */
const YEAR_FIRST = /^(\d{4})([-/.]?)(\d\d)\2(\d\d)(?:[T _-]?(\d\d):?(\d\d):?(\d\d))?(?!\d)/;
/** `__DATE__` and asctime(3), with what date(1) puts between time and year. */
const YEAR_LAST =
  /([A-Z][a-z]{2}) {1,2}(\d{1,2})(?:, |,| )(?:(\d\d):(\d\d):(\d\d)(?: [AP]M)?(?: [A-Z]{2,5}| [+-]\d{4})? )?$/;
/** RFC 5322 and Apache's logs. */
const DAY_FIRST = /(?<!\d)(\d{1,2})[ /-]([A-Z][a-z]{2})[ /-]$/;
const BEFORE = 40;

function dateAround(bytes: Buffer, at: number): FoundDate | undefined {
  const before = bytes.toString('latin1', Math.max(0, at - BEFORE), at);
  const behind = bytes.toString('latin1', at, at + 24);
  const year = behind.slice(0, 4);
  const ahead = YEAR_FIRST.exec(behind);
  if (ahead && !/[\w.]$/.test(before)) {
    const [text, , , month = '', day = '', ...time] = ahead;
    return found(at, text.length, year, Number(month), Number(day), time);
  }
  if (/\w/.test(behind.charAt(4))) return undefined;
  const american = YEAR_LAST.exec(before);
  if (american) {
    const [text, month = '', day = '', ...time] = american;
    return found(at - text.length, text.length + 4, year, MONTHS.indexOf(month) + 1, Number(day), time);
  }
  const european = DAY_FIRST.exec(before);
  if (!european) return undefined;
  const [text, day = '', month = ''] = european;
  const [, ...time] = /^[ :](\d\d):(\d\d):(\d\d)/.exec(behind.slice(4)) ?? [];
  return found(at - text.length, text.length + 4, year, MONTHS.indexOf(month) + 1, Number(day), time);
}

function found(
  offset: number,
  length: number,
  year: string,
  month: number,
  day: number,
  [hour, minute, second]: readonly (string | undefined)[],
): FoundDate | undefined {
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  const start = Date.UTC(Number(year), month - 1, day) / 1000;
  const ofDay = second === undefined ? undefined : Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return { offset, length, day: start, seconds: ofDay === undefined ? undefined : start + ofDay };
}

/** Dates may be local, up to 14 hours off UTC; the lock's own time, which documents may name, is not younger. */
function isYounger({ day, seconds }: FoundDate, { after, now }: LeakFacts): boolean {
  if (day > now + AHEAD) return false;
  return seconds === undefined ? day > after - DAY : seconds > after;
}

const EPOCH_DIGITS = 10;

/** Seconds since 1970 as ten digits: what they begin with is known. */
function searchEpochs(bytes: Buffer, facts: LeakFacts): Hit[] {
  const [from, to] = [String(facts.after), String(facts.now + AHEAD)];
  let common = 0;
  while (common < EPOCH_DIGITS && from[common] === to[common]) common++;
  if (common < 2) return [];
  const start = from.slice(0, common);
  const hits: Hit[] = [];
  for (let at = bytes.indexOf(start); at >= 0 && hits.length < MAX_HITS; at = bytes.indexOf(start, at + 1)) {
    const text = bytes.toString('latin1', Math.max(0, at - 1), at + EPOCH_DIGITS + 1);
    const [, digits] = /^(?:[^\w]|^)(\d{10})(?![\w])/.exec(at === 0 ? ` ${text}` : text) ?? [];
    if (digits === undefined || !isOfTheBuild(Number(digits), facts)) continue;
    hits.push({
      what: 'time-stamp',
      which: `seconds since 1970 (${new Date(1000 * Number(digits)).toISOString()})`,
      offset: at,
      length: EPOCH_DIGITS,
    });
  }
  return hits;
}

const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/** gzip streams inside of something else; RFC 1952, 2.3. */
function searchGzip(bytes: Buffer, facts: LeakFacts): Hit[] {
  const hits: Hit[] = [];
  for (let at = bytes.indexOf(GZIP); at >= 0 && hits.length < MAX_HITS; at = bytes.indexOf(GZIP, at + 1)) {
    if (at + 10 > bytes.length) break;
    const [flags = 0, extra = 0, system = 0] = [bytes[at + 3], bytes[at + 8], bytes[at + 9]];
    const seconds = bytes.readUInt32LE(at + 4);
    const isHeader = flags < 0x20 && [0, 2, 4].includes(extra) && (system <= 13 || system === 255);
    if (!isHeader || !isOfTheBuild(seconds, facts)) continue;
    const which = `MTIME of a gzip stream (${new Date(1000 * seconds).toISOString()})`;
    hits.push({ what: 'time-stamp', which, offset: at + 4, length: 4 });
  }
  return hits;
}

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventTypeName, parseEventLog, replayEventLog, toHex } from '../../src/index.ts';
import { haveVectors, vectorBytes, vectorPath } from '../vectors.ts';

/** What `tpm2_eventlog` printed: event types in order, all digests in order, and the replayed PCRs as `bank:pcr value`. */
function readYaml(text: string): { types: string[]; digests: string[]; pcrs: string[] } {
  const [events = '', replayed = ''] = text.split(/^pcrs:$/m);
  const all = (pattern: RegExp) => [...events.matchAll(pattern)].map(([, value]) => value ?? '');
  let bank = '';
  const pcrs: string[] = [];
  for (const line of replayed.split('\n')) {
    bank = /^ {2}(\w+):$/.exec(line)?.[1] ?? bank;
    const [, pcr, value] = /^ +(\d+) *: 0x([0-9a-f]+)$/.exec(line) ?? [];
    if (pcr && value) pcrs.push(`${bank}:${pcr} ${value}`);
  }
  return { types: all(/^ {2}EventType: (\S+)$/gm), digests: all(/^ {4}Digest: "([0-9a-f]+)"$/gm), pcrs };
}

describe.skipIf(!haveVectors)('parseEventLog() sees what tpm2_eventlog prints', () => {
  const files = haveVectors ? readdirSync(vectorPath('event-logs/tpm2-tools')) : [];
  for (const file of files.filter((each) => each.endsWith('.yaml'))) {
    it(`in ${file}`, () => {
      const yaml = readYaml(readFileSync(vectorPath('event-logs/tpm2-tools', file), 'utf8'));
      const log = parseEventLog(vectorBytes('event-logs/tpm2-tools', file.replace('.yaml', '.bin')));
      const types = log.events.map(({ untrustedEventType }) => eventTypeName(untrustedEventType));
      expect(['EV_NO_ACTION', ...types]).toEqual(yaml.types);
      expect(log.events.flatMap(({ digests }) => [...digests.values()].map(toHex))).toEqual(yaml.digests);
      const replayed = [...replayEventLog(log)].flatMap(([bank, pcrs]) =>
        [...pcrs].map(([pcr, value]) => `${bank}:${pcr} ${toHex(value)}`),
      );
      expect(replayed.toSorted()).toEqual(yaml.pcrs.toSorted());
    });
  }
});

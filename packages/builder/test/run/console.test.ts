import { describe, expect, it } from 'vitest';
import { appExit, consoleLine } from '../../src/run/console.ts';

describe('consoleLine()', () => {
  it.each([
    ['\u001b[2J\u001b[01;01H\u001b[=3hBdsDxe: starting', 'BdsDxe: starting'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['a\u001b]0;a title\u0007b', 'ab'],
    ['a\u001bcb', 'a\\x1bcb'],
    ['a\u001b[', 'a\\x1b['],
    ['a\u009b2Jb', 'a\\x9b2Jb'],
    ['\u202etxt.exe', '\\u202etxt.exe'],
    ['tab\tstays, Grüße too\r', 'tab\tstays, Grüße too'],
  ])('makes %j fit for a terminal', (raw, shown) => {
    expect(consoleLine(raw)).toBe(shown);
  });
});

describe('appExit()', () => {
  it.each([
    ['altee: app exited with status 7', { kind: 'exited', status: 7 }],
    ['altee: app killed by signal 31 (SIGSYS): it made a system call', { kind: 'killed', signal: 31 }],
    ['altee: cannot start app: no such file', { kind: 'not-started' }],
    ['altee: stopped by an error of its own: index', { kind: 'stopped' }],
  ])('reads %j', (line, exit) => {
    expect(appExit(['noise', line, '[  7.1] reboot: Power down'])).toMatchObject(exit);
  });

  it('takes the last one', () => {
    expect(appExit(['altee: app exited with status 0', 'altee: app exited with status 3'])).toMatchObject({
      status: 3,
    });
  });

  it.each([
    'altee: app exited with status 7 or so',
    ' altee: app exited with status 7',
    'app exited with status 7',
  ])('ignores %j', (line) => {
    expect(appExit([line])).toBeUndefined();
  });
});

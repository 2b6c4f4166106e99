import { describe, expect, it } from 'vitest';
import { parseNixMessage } from '../../../src/executor/nix/messages.ts';

describe('parseNixMessage()', () => {
  // As Nix 2.8.0 prints them.
  it.each<[string, unknown]>([
    ['@nix {"action":"result","fields":["pid 1"],"id":7,"type":101}', { kind: 'log', line: 'pid 1' }],
    ['@nix {"action":"result","fields":[0,1,0,0],"id":7,"type":105}', undefined],
    [
      '@nix {"action":"start","fields":[],"id":7,"level":3,"text":"building \'x\'","type":105}',
      { kind: 'activity', text: "building 'x'" },
    ],
    [
      '@nix {"action":"start","id":7,"level":6,"text":"querying info about missing paths","type":0}',
      undefined,
    ],
    ['@nix {"action":"msg","level":3,"msg":"this derivation will be built:"}', undefined],
    [
      '@nix {"action":"msg","column":null,"level":0,"msg":"\\u001b[31;1merror:\\u001b[0m no"}',
      { kind: 'problem', text: 'error: no' },
    ],
    ['error: cannot connect', { kind: 'problem', text: 'error: cannot connect' }],
    ['@nix {"action":', { kind: 'problem', text: '@nix {"action":' }],
    ['@nix null', { kind: 'problem', text: '@nix null' }],
    ['', undefined],
  ])('understands %s', (line, expected) => {
    expect(parseNixMessage(line)).toEqual(expected);
  });
});

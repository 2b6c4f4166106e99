import { describe, expect, it } from 'vitest';
import { chooseIdentity } from '../../src/executor/identity.ts';

const whole = '         0          0 4294967295\n';
const status = 'Name:\tnode\nCapEff:\t000001ffffffffff\n';
const machineRoot = { uid: 0, uidMap: whole, gidMap: whole, status };

describe('chooseIdentity()', () => {
  it('maps a host id of its own for root', () => {
    expect(chooseIdentity(machineRoot, 5)).toEqual({ kind: 'mapped', hostId: 0x61740005 });
  });

  it('stays in its range of ids whatever the slot', () => {
    expect(chooseIdentity(machineRoot, 0x12345)).toEqual({ kind: 'mapped', hostId: 0x61742345 });
  });

  it.each([
    ['an ordinary user', { uid: 1000, status: 'CapEff:\t0000000000000000\n' }, false],
    ['an ordinary user with capabilities', { uid: 1000 }, false],
    ['root of a container with few ids', { uidMap: '0 1000 1\n1 100000 65536\n' }, true],
    ['root of a container with few groups', { gidMap: '0 1000 65536\n' }, true],
    ['root without CAP_SYS_ADMIN', { status: 'CapEff:\t00000000a80425fb\n' }, false],
    ['unreadable files', { uidMap: '', gidMap: 'x y z', status: '' }, false],
  ])('keeps the caller for %s', (_what, facts, privileged) => {
    expect(chooseIdentity({ ...machineRoot, ...facts }, 1)).toEqual({ kind: 'caller', privileged });
  });
});

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../src/store/lock.ts';
import { processIdentity } from '../../src/store/process-identity.ts';
import { tempFolder } from '../temp.ts';

async function placeIn(dir: string) {
  const place = {
    locksDir: join(dir, 'locks'),
    tmpDir: join(dir, 'tmp'),
    ownDir: join(dir, 'tmp', processIdentity()),
  };
  await mkdir(place.locksDir);
  await mkdir(place.ownDir, { recursive: true });
  return place;
}

describe('withLock()', () => {
  it('lets one in at a time, also when all of them found a dead holder', async () => {
    await using dir = await tempFolder();
    const place = await placeIn(dir.path);
    // The PID of this process, but of another start: a process that died and whose number was given again.
    const dead = processIdentity().replace(/^(\d+)\.\d+/, '$1.1');
    await mkdir(join(place.locksDir, 'a'));
    await writeFile(join(place.locksDir, 'a', `${dead}.1`), '');
    let inside = 0;
    let most = 0;
    let runs = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(1);
      inside -= 1;
      runs += 1;
    };
    await Promise.all(Array.from({ length: 30 }, () => withLock(place, 'a', work)));
    expect({ most, runs }).toEqual({ most: 1, runs: 30 });
    expect(await readdir(place.locksDir)).toEqual([]);
    expect(await readdir(place.ownDir)).toEqual([]);
  });

  it('does not hold up another name', async () => {
    await using dir = await tempFolder();
    const place = await placeIn(dir.path);
    expect(await withLock(place, 'a', () => withLock(place, 'b', async () => 'in'))).toBe('in');
  });

  it('is free again when the work failed', async () => {
    await using dir = await tempFolder();
    const place = await placeIn(dir.path);
    await expect(withLock(place, 'a', () => Promise.reject(new Error('No')))).rejects.toThrow('No');
    expect(await withLock(place, 'a', async () => 'in')).toBe('in');
  });
});

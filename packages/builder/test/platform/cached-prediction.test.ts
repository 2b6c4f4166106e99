import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Prediction } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { cachedPrediction } from '../../src/platform/cached-prediction.ts';
import { Store } from '../../src/store/store.ts';
import { tempFolder } from '../temp.ts';

const prediction: Prediction = {
  technology: 'tpm',
  banks: ['sha256'],
  registers: [
    {
      register: 'PCR1',
      registerIndex: 1,
      status: 'predicted',
      reason: 'r',
      covers: 'c',
      events: [
        {
          register: 'PCR1',
          registerIndex: 1,
          stage: 'separators',
          eventType: 'EV_SEPARATOR',
          digests: { sha256: new Uint8Array(32).fill(7) },
          data: Uint8Array.of(0, 255),
          dataIsExact: true,
          source: { kind: 'constant', text: 't' },
          clause: 'c',
          dependsOn: ['firmware'],
          description: 'd',
        },
      ],
      values: { sha256: new Uint8Array(32) },
    },
  ],
};

describe('cachedPrediction()', () => {
  it('predicts once for the same facts, and gives the same back', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(folder.path);
    let times = 0;
    const predict = async () => {
      times += 1;
      return prediction;
    };
    expect(await cachedPrediction(store, { uki: 'a' }, predict)).toEqual(prediction);
    expect(await cachedPrediction(store, { uki: 'a' }, predict)).toEqual(prediction);
    expect(times).toBe(1);
    await cachedPrediction(store, { uki: 'b' }, predict);
    expect(times).toBe(2);
  });

  it('keeps nothing of a prediction that failed', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(folder.path);
    await expect(cachedPrediction(store, {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await cachedPrediction(store, {}, async () => prediction)).toEqual(prediction);
  });

  it('makes again what somebody has damaged', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(folder.path);
    await cachedPrediction(store, {}, async () => prediction);
    const trees = join(folder.path, 'trees/output');
    const [entry = ''] = (await readdir(trees)).filter((name) => /^prediction-[0-9a-f]+$/.test(name));
    await chmod(join(trees, entry), 0o755);
    const file = join(trees, entry, 'value.json');
    await writeFile(file, '{"registers": [');
    expect(await cachedPrediction(store, {}, async () => prediction)).toEqual(prediction);
    await rm(file);
    expect(await cachedPrediction(store, {}, async () => prediction)).toEqual(prediction);
  });
});

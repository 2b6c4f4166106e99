import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTpmLog } from '../../src/run/tpm-log.ts';
import { tempFolder } from '../temp.ts';

const whole = fileURLToPath(new URL('fixtures/tpm2-tools.log', import.meta.url));

describe('readTpmLog()', () => {
  it('has no doubt about a log that ends with the shutdown', async () => {
    expect((await readTpmLog(whole)).uninterpreted).toEqual([]);
  });

  it('doubts every log that lacks its last lines', async () => {
    const lines = (await readFile(whole, 'latin1')).trimEnd().split('\n');
    await using folder = await tempFolder();
    const cut = join(folder.path, 'tpm.log');
    for (let kept = lines.length - 1; kept > lines.length - 40; kept--) {
      await writeFile(cut, `${lines.slice(0, kept).join('\n')}\n`, 'latin1');
      const doubt = await readTpmLog(cut).then(
        ({ uninterpreted }) => uninterpreted.length > 0,
        () => true,
      );
      expect(doubt, `the first ${kept} of ${lines.length} lines`).toBe(true);
    }
  });

  it('doubts a log that is not there', async () => {
    await using folder = await tempFolder();
    const view = await readTpmLog(join(folder.path, 'absent'));
    expect(view).toMatchObject({ startups: 0, extends: [] });
    expect(view.uninterpreted).toHaveLength(1);
  });
});

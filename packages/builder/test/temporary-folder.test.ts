import { expect, it } from 'vitest';
import { temporaryFolder } from '../src/temporary-folder.ts';

it('temporaryFolder() names the folder and the setting when it can make none', async () => {
  await expect(temporaryFolder('x-', '/nonexistent')).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringContaining('"/nonexistent"'),
    hint: expect.stringContaining('TMPDIR'),
  });
});

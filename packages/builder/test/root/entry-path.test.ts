import { describe, expect, it } from 'vitest';
import { entryPath } from '../../src/root/entry-path.ts';

describe('entryPath()', () => {
  it('puts what lies in a merged directory below usr', () => {
    expect(entryPath('./bin/sh', 'x.deb')).toBe('usr/bin/sh');
  });

  it.each(['constructor', '__proto__', 'toString'])('takes "%s" for a plain name', (name) => {
    expect(entryPath(`./${name}/file`, 'x.deb')).toBe(`${name}/file`);
  });
});

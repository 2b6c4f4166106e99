import { describe, expect, it } from 'vitest';
import { parseCopyright } from '../../src/release/licences.ts';

describe('parseCopyright()', () => {
  it('names each licence once, by its SPDX identifier where it has one', () => {
    const text = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-3+

Files: lib/*
License: Expat

Files: doc/*
License: GFDL-NIV-1.3+

License: GPL-3+
 the text
`;
    expect(parseCopyright(text)).toEqual([
      { name: 'GFDL-NIV-1.3+' },
      { id: 'GPL-3.0-or-later' },
      { id: 'MIT' },
    ]);
  });

  it('does not guess at prose', () => {
    expect(
      parseCopyright('This package was debianized by somebody.\n\nLicense: see below\n'),
    ).toBeUndefined();
    expect(parseCopyright('')).toBeUndefined();
  });
});

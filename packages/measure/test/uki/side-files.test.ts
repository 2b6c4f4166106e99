import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii, showAscii } from '../../src/bytes/text.ts';
import { MeasureError, stubRules } from '../../src/index.ts';
import { findAddons } from '../../src/uki/addons.ts';
import { listSideFiles } from '../../src/uki/side-files.ts';
import { sidecarArchives } from '../../src/uki/sidecars.ts';
import { makeKernel, makePe } from '../make-pe.ts';

const image = '\\EFI\\BOOT\\BOOTX64.EFI';
const own = 'efi/boot/bootx64.efi.extra.d';

describe('listSideFiles()', () => {
  it('sorts by code units and finds folders in either case and notation', () => {
    const files = {
      'loader/addons/b': ascii('1'),
      '\\LOADER\\Addons\\A': ascii('2'),
      'loader/addons/deeper/x': ascii('3'),
      'loader/addons/.hidden': ascii('4'),
      'loader/addons/ümlaut': ascii('5'),
      [`loader/addons/${'x'.repeat(256)}`]: ascii('6'),
    };
    expect(listSideFiles(files, '\\loader\\addons').map(({ name }) => name)).toEqual(['A', 'b']);
  });
});

describe('sidecarArchives()', () => {
  const files = {
    [`${own}/b.cred`]: ascii('b'),
    [`${own}/a.CRED`]: ascii('a'),
    [`${own}/sys.raw`]: ascii('s'),
    [`${own}/etc.confext.raw`]: ascii('c'),
    [`${own}/readme.txt`]: ascii('r'),
    'loader/credentials/g.cred': ascii('g'),
    'loader/extensions/g.sysext.raw': ascii('h'),
    'loader/extensions/g.confext.raw': ascii('i'),
  };
  const archives = (major: number) =>
    sidecarArchives(files, image, stubRules(major)).map(
      ({ sidecar, files: names }) => `${sidecar.pcr} ${sidecar.target}: ${names.join(' ')}`,
    );

  it('takes every .raw for a system extension up to 254', () => {
    const wanted = [
      '12 .extra/credentials: a.CRED b.cred',
      '12 .extra/global_credentials: g.cred',
      '13 .extra/sysext: etc.confext.raw sys.raw',
    ];
    expect(archives(252)).toEqual(wanted);
    expect(archives(254)).toEqual(wanted);
  });

  it('knows configuration extensions from 255 on', () => {
    expect(archives(257)).toEqual([
      '12 .extra/credentials: a.CRED b.cred',
      '12 .extra/global_credentials: g.cred',
      '13 .extra/sysext: sys.raw',
      '12 .extra/confext: etc.confext.raw',
    ]);
  });

  it('knows extensions for all images from 258 on', () => {
    expect(archives(262)).toEqual([
      '12 .extra/credentials: a.CRED b.cred',
      '12 .extra/global_credentials: g.cred',
      '13 .extra/sysext: sys.raw',
      '13 .extra/global_sysext: g.sysext.raw',
      '12 .extra/confext: etc.confext.raw',
      '12 .extra/global_confext: g.confext.raw',
    ]);
  });

  it('makes credentials readable for their owner alone', () => {
    const [archive] = sidecarArchives({ [`${own}/k.cred`]: ascii('k') }, image, stubRules(257));
    const modes = showAscii((archive?.bytes ?? new Uint8Array(0)).map((byte) => byte || 0x7e)).match(
      /070701.{8}(.{8})/g,
    );
    // .extra 0555, .extra/credentials 0500, the file 0400, the end mark.
    expect(modes?.map((each) => Number.parseInt(each.slice(14), 16).toString(8))).toEqual([
      '40555',
      '40500',
      '100400',
      '0',
    ]);
  });

  it('makes nothing of no files', () => {
    expect(sidecarArchives({}, image, stubRules(262))).toEqual([]);
  });
});

describe('findAddons()', () => {
  const addon = (sections: Record<string, string>) =>
    makePe(Object.entries(sections).map(([name, data]) => ({ name, data: ascii(data) })));
  const files = {
    [`${own}/z.addon.efi`]: addon({ '.cmdline': 'own' }),
    'loader/addons/b.addon.efi': addon({ '.cmdline': 'b', '.uname': '6.1' }),
    'loader/addons/a.addon.efi': addon({ '.cmdline': 'a', '.uname': '6.12.1-other' }),
    'loader/addons/c.ADDON.EFI': addon({ '.initrd': 'i', '.ucode': 'u' }),
    'loader/addons/d.addon.efi': makePe([
      { name: '.cmdline', data: ascii('d') },
      { name: '.linux', data: makeKernel() },
    ]),
    'loader/addons/e.efi': addon({ '.cmdline': 'e' }),
  };
  const find = (major: number, uname = '6.12.0') =>
    findAddons(files, image, stubRules(major), ascii(uname)).map(
      ({ name, scope, commandLine, initrd, microcode }) =>
        [scope, name, commandLine, initrd && 'initrd', microcode && 'microcode'].filter(Boolean).join(' '),
    );

  it('loads those for all images first, and takes nothing of those for other kernels or with one', () => {
    expect(find(257)).toEqual([
      'global a.addon.efi',
      'global b.addon.efi b',
      'global c.ADDON.EFI initrd microcode',
      'global d.addon.efi',
      'own z.addon.efi own',
    ]);
  });

  it('takes command lines alone with 254, and loads none before', () => {
    expect(find(254)).toContain('global c.ADDON.EFI');
    expect(find(252)).toEqual([]);
  });

  it('compares the kernel’s name up to the end of the addon’s', () => {
    expect(find(257, '6.1')).toContain('global b.addon.efi b');
    expect(find(257, '6.0')).toContain('global b.addon.efi');
  });

  it('has no answer for a device tree', () => {
    const tree = { 'loader/addons/t.addon.efi': addon({ '.dtb': 't' }) };
    expect(() => findAddons(tree, image, stubRules(257), undefined)).toThrow('device tree');
  });

  it('throws nothing but a MeasureError, whatever the file is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          findAddons({ 'loader/addons/x.addon.efi': bytes }, image, stubRules(262), undefined);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
    );
  });
});

import { mergedDirectories } from './entry-path.ts';

/** What a root has beside its packages: it replaces what their maintainer scripts would do. */
export type FixUp =
  | { readonly type: 'directory'; readonly path: string; readonly mode: '755' | '1777' }
  | { readonly type: 'file'; readonly path: string; readonly content: string }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string; readonly ifPresent?: string };

const directory = (path: string, mode: '755' | '1777' = '755'): FixUp => ({ type: 'directory', path, mode });

/**
 * Part of the digest of every root: a change needs a new `ROOT_RULES`. What a package brings itself stays as it is.
 *
 * The libraries' directories are defaults of the loader, so there is no ld.so.cache; the tools are called by
 * their full names (`clang-19`), so the only alternative (update-alternatives(1)) needed is awk.
 */
export const fixUps: readonly FixUp[] = [
  ...Object.values(mergedDirectories).map((target) => directory(target)),
  ...Object.entries(mergedDirectories).map(([path, target]): FixUp => ({ type: 'symlink', path, target })),
  // Mount points of the executors, and the folders of a step.
  ...['build', 'dev', 'etc', 'out', 'proc', 'root', 'run', 'src', 'sys', 'usr', 'var'].map((path) =>
    directory(path),
  ),
  directory('tmp', '1777'),
  directory('var/tmp', '1777'),
  {
    type: 'file',
    path: 'etc/passwd',
    content: [
      'root:x:0:0:root:/root:/bin/sh',
      'build:x:1000:1000:build:/build:/bin/sh',
      'nobody:x:65534:65534:nobody:/nonexistent:/bin/false',
      '',
    ].join('\n'),
  },
  { type: 'file', path: 'etc/group', content: 'root:x:0:\nbuild:x:1000:\nnogroup:x:65534:\n' },
  { type: 'file', path: 'etc/hosts', content: '127.0.0.1 localhost altee\n::1 localhost altee\n' },
  { type: 'file', path: 'etc/nsswitch.conf', content: 'passwd: files\ngroup: files\nhosts: files\n' },
  { type: 'file', path: 'etc/resolv.conf', content: '' },
  { type: 'file', path: 'etc/hostname', content: 'altee\n' },
  { type: 'symlink', path: 'etc/mtab', target: '../proc/self/mounts' },
  { type: 'symlink', path: 'usr/bin/awk', target: 'mawk', ifPresent: 'usr/bin/mawk' },
];

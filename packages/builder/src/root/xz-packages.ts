const LIBRARIES = 'usr/lib/x86_64-linux-gnu';

/** The packages that together run Debian's xz, and what they have where on amd64. */
export const XZ_PACKAGES = {
  libc6: { loader: `${LIBRARIES}/ld-linux-x86-64.so.2`, libraries: LIBRARIES },
  liblzma5: { libraries: LIBRARIES },
  'xz-utils': { program: 'usr/bin/xz' },
} as const;

/** Their names. */
export const XZ_PACKAGE_NAMES = Object.keys(XZ_PACKAGES) as readonly (keyof typeof XZ_PACKAGES)[];

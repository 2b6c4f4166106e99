import { BuilderError } from '../error.ts';
import { ElfError, type ElfFile, isElf, readElf } from './elf.ts';

/** `e_machine` of the architectures that people build for (System V ABI, processor supplements). */
const MACHINES: Readonly<Record<number, string>> = {
  3: '32-bit x86',
  8: 'MIPS',
  20: 'PowerPC',
  21: '64-bit PowerPC',
  22: 's390x',
  40: '32-bit ARM',
  62: 'x86-64',
  183: '64-bit ARM',
  243: 'RISC-V',
  258: 'LoongArch',
};

const X86_64 = 62;
const ET_REL = 1;
const ET_EXEC = 2;
const ET_DYN = 3;
const ET_CORE = 4;

/** What files that are no ELF begin with. */
const OTHER_FORMATS: readonly (readonly [prefix: readonly number[], name: string])[] = [
  [[0x23, 0x21], 'a script, and the image has no interpreter for it'],
  [[0x4d, 0x5a], 'a Windows or EFI program'],
  [[0xcf, 0xfa, 0xed, 0xfe], 'a macOS program'],
  [[0xca, 0xfe, 0xba, 0xbe], 'a macOS universal program or Java class'],
  [[0x00, 0x61, 0x73, 0x6d], 'a WebAssembly module'],
  [[0x1f, 0x8b], 'a gzip archive'],
  [[0x50, 0x4b], 'a zip archive'],
  [[0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e], 'an ar archive or static library'],
];

const HINT_STATIC = 'The image runs one statically linked x86-64 Linux executable';
const HINT_HOW = `${HINT_STATIC}: "-static" for C, CGO_ENABLED=0 for Go, a musl target for Rust`;

/** What an ELF file must not be; the first that holds is said. */
const REFUSALS: readonly (readonly [
  refuses: (elf: ElfFile) => boolean,
  why: (elf: ElfFile) => string,
  hint: string,
])[] = [
  [
    ({ machine, bits, littleEndian }) => machine !== X86_64 || bits !== 64 || !littleEndian,
    (elf) => `it is built for ${architecture(elf)}`,
    'Build it for x86-64 Linux',
  ],
  [({ type }) => type === ET_REL, () => 'it is an object file that was not linked', HINT_STATIC],
  [({ type }) => type === ET_CORE, () => 'it is a core dump', HINT_STATIC],
  [
    ({ interpreter }) => interpreter !== undefined,
    ({ interpreter }) =>
      `it is dynamically linked and wants the loader "${interpreter}", which the image does not have`,
    HINT_HOW,
  ],
  [({ isLibrary }) => isLibrary, () => 'it is a shared library', HINT_STATIC],
  [({ needsLibraries }) => needsLibraries, () => 'it needs shared libraries', HINT_HOW],
  [
    ({ type, loadable, entry }) => (type !== ET_EXEC && type !== ET_DYN) || !loadable || entry === 0n,
    () => 'it is ELF, but no executable',
    HINT_STATIC,
  ],
];

/**
 * Throws `app-unusable` unless the bytes are a statically linked x86-64 executable (position-independent or not),
 * and says what they are instead. `shownName` is how the user named the file.
 */
export function checkStatic(bytes: Uint8Array, shownName: string): void {
  if (!isElf(bytes)) throw unusable(shownName, `it is ${describe(bytes)}`, HINT_STATIC);
  const elf = parse(bytes, shownName);
  const refusal = REFUSALS.find(([refuses]) => refuses(elf));
  if (refusal) throw unusable(shownName, refusal[1](elf), refusal[2]);
}

function parse(bytes: Uint8Array, shownName: string): ElfFile {
  try {
    return readElf(bytes);
  } catch (cause) {
    if (!(cause instanceof ElfError)) throw cause;
    throw unusable(shownName, cause.message, 'The file may be cut short: build or copy it again');
  }
}

function architecture({ machine, littleEndian }: ElfFile): string {
  // What is x86-64 and still refused has 32 bits (x32) or a byte order that no such processor has.
  if (machine === X86_64) return littleEndian ? 'the 32-bit ABI of x86-64 (x32)' : 'no known x86-64';
  return MACHINES[machine] ?? `an architecture with the ELF number ${machine}`;
}

function describe(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const known = OTHER_FORMATS.find(([prefix]) => prefix.every((byte, index) => bytes[index] === byte));
  return known?.[1] ?? 'no ELF executable';
}

function unusable(shownName: string, why: string, hint: string): BuilderError {
  return new BuilderError('app-unusable', `Cannot use "${shownName}" as the application: ${why}`, { hint });
}

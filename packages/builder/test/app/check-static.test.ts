import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkStatic } from '../../src/app/check-static.ts';
import { BuilderError } from '../../src/error.ts';
import { type TinyElf, tinyElf } from './tiny-elf.ts';

function messageFor(bytes: Uint8Array): string | undefined {
  try {
    checkStatic(bytes, 'app');
    return undefined;
  } catch (error) {
    if (!(error instanceof BuilderError) || error.code !== 'app-unusable') throw error;
    expect(error.hint).toBeDefined();
    return error.message.replace('Cannot use "app" as the application: ', '');
  }
}

describe('checkStatic()', () => {
  it('takes a static executable', () => {
    expect(messageFor(tinyElf())).toBeUndefined();
  });

  it('takes a static position-independent executable, whose dynamic section needs nothing', () => {
    expect(messageFor(tinyElf({ type: 3, dynamic: [4n, 5n, 7n] }))).toBeUndefined();
  });

  const refused: [what: string, elf: TinyElf, message: string][] = [
    [
      'a dynamic executable, with the loader that it wants',
      { type: 3, interpreter: '/lib64/ld-linux-x86-64.so.2', dynamic: [1n] },
      'it is dynamically linked and wants the loader "/lib64/ld-linux-x86-64.so.2", which the image does not have',
    ],
    ['64-bit ARM', { machine: 183 }, 'it is built for 64-bit ARM'],
    ['32-bit x86', { machine: 3, class: 1 }, 'it is built for 32-bit x86'],
    ['x32', { class: 1 }, 'it is built for the 32-bit ABI of x86-64 (x32)'],
    ['RISC-V', { machine: 243 }, 'it is built for RISC-V'],
    [
      'an unknown architecture',
      { machine: 4711 },
      'it is built for an architecture with the ELF number 4711',
    ],
    ['an object file', { type: 1 }, 'it is an object file that was not linked'],
    ['a core dump', { type: 4 }, 'it is a core dump'],
    ['a shared library', { type: 3, dynamic: [14n] }, 'it is a shared library'],
    ['a library without a name', { type: 3, dynamic: [1n] }, 'it needs shared libraries'],
    ['a file with nothing to load', { loadable: false }, 'it is ELF, but no executable'],
    ['a file without an entry point', { entry: 0n }, 'it is ELF, but no executable'],
  ];
  it.each(refused)('refuses %s', (_what, elf, message) => {
    expect(messageFor(tinyElf(elf))).toBe(message);
  });

  const otherFormats: [what: string, bytes: string | number[], message: string][] = [
    ['nothing', '', 'it is empty'],
    ['a script', '#!/bin/sh\n', 'it is a script, and the image has no interpreter for it'],
    ['a Windows program', 'MZ\x90\0', 'it is a Windows or EFI program'],
    ['a macOS program', [0xcf, 0xfa, 0xed, 0xfe], 'it is a macOS program'],
    ['WebAssembly', '\0asm\x01', 'it is a WebAssembly module'],
    ['text', 'hello\n', 'it is no ELF executable'],
    ['the ELF signature alone', '\x7fELF', 'its header needs 52 bytes, the file has 4'],
  ];
  it.each(otherFormats)('says that %s is no executable', (_what, bytes, message) => {
    const content = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Uint8Array.from(bytes);
    expect(messageFor(content)).toBe(message);
  });

  it('refuses the Node.js that runs this test, which is dynamic', () => {
    expect(messageFor(readFileSync(process.execPath))).toMatch(/wants the loader "\/.+"/);
  });
});

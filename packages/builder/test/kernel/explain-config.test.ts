import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainConfigProblem, explainDropped } from '../../src/kernel/explain-config.ts';
import { type Kconfig, readKconfig } from '../../src/kernel/kconfig.ts';
import { evaluate } from '../../src/kernel/kconfig-evaluate.ts';
import { parseExpression, showExpression, symbolsIn } from '../../src/kernel/kconfig-expression.ts';

/** A tree in which each way for a symbol to be dropped occurs. */
const tree = {
  Kconfig: `mainmenu "Test kernel $(KERNELVERSION)"
if-success = $(shell,if true; then echo y; fi)
source "init/Kconfig"
source "arch/$(SRCARCH)/Kconfig"
source "missing/Kconfig"
`,
  'init/Kconfig': `config NET
	bool "Networking"
	help
	  Sockets.

	  depends on NOTHING: this is help, not a statement.
config INET
	bool "IPv4"
	depends on NET
config QUEUE
	tristate
config LIBRARY
	bool
	default y if NET
menu "Drivers"
	depends on INET # a comment
config CARD
	tristate "Card" if EXPERT
	depends on PCI || \\
		ISA
	select QUEUE
	select FIRMWARE if !BARE
config FIRMWARE
	bool "Firmware"
endmenu
if VIRT_DRIVERS
config GUEST
	bool "Guest"
	depends on MEM_ENCRYPT && !XEN
endif
config VIRT_DRIVERS
	bool "Virtual"
config MEM_ENCRYPT
	bool "Encryption"
	depends on CPU_AMD
choice
	prompt "Speed"
config FAST
	bool "Fast"
config SLOW
	bool "Slow"
endchoice
config NEWER
	bool "Newer compilers"
	depends on CLANG_VERSION >= 200000
config TWICE
	bool "Twice"
	depends on NET && INET
config PLUGIN
	def_bool $(cc-option,-fplugin)
	depends on $(success,test -e plugin) && NET
`,
  'arch/x86/Kconfig': `config TWICE
	bool "Twice, on x86"
	depends on EXPERT
config RECURSIVE
	bool "Includes itself"
source "arch/x86/Kconfig"
`,
};

let dir: string;
let kconfig: Kconfig;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'altee-kconfig-'));
  for (const [name, text] of Object.entries(tree)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  kconfig = await readKconfig(dir);
});
afterAll(() => rm(dir, { recursive: true }));

const config = new Map([
  ['CLANG_VERSION', '190107'],
  ['FAST', 'y'],
]);
const explain = (symbol: string, ...set: string[]): string =>
  explainDropped(symbol, kconfig, new Map([...config, ...set.map((name) => [name, 'y'] as const)]));

describe('explainDropped()', () => {
  it.each([
    ['a dependency', 'INET', [], 'it needs NET (is n)'],
    ['an enclosing if', 'GUEST', ['MEM_ENCRYPT'], 'it needs VIRT_DRIVERS (is n)'],
    [
      'an enclosing menu, a prompt and a choice of buses',
      'CARD',
      ['NET'],
      'it needs INET (is n), one of PCI (is n) or ISA (is n) and EXPERT (is n)',
    ],
    [
      'what a missing dependency lacks itself',
      'GUEST',
      ['VIRT_DRIVERS'],
      'it needs MEM_ENCRYPT (is n, needs CPU_AMD (is n))',
    ],
    [
      'something that must be off',
      'GUEST',
      ['VIRT_DRIVERS', 'MEM_ENCRYPT', 'XEN'],
      'it needs !XEN (XEN is y)',
    ],
    ['a comparison', 'NEWER', [], 'it needs CLANG_VERSION >= 200000 (CLANG_VERSION is 190107)'],
    ['another member of its choice', 'SLOW', [], 'it is one of a choice, and FAST (is y) was chosen'],
    ['the nearest of two definitions', 'TWICE', [], 'it needs EXPERT (is n)'],
    ['that it is only selected', 'QUEUE', [], 'it has no prompt: it comes with CARD (is n)'],
    ['that its default alone sets it', 'LIBRARY', [], 'it has no prompt: its default alone sets it'],
    ['a typing error', 'VIRT_DRIVER', [], 'this kernel has no such symbol, did you mean "VIRT_DRIVERS"?'],
    ['a symbol that does not exist', 'QQQQQQ', [], 'this kernel has no such symbol'],
    ['a dependency beside one that only the compiler knows', 'PLUGIN', [], 'it needs NET (is n)'],
  ])('names %s', (_, symbol, set, expected) => {
    expect(explain(symbol, ...set)).toBe(expected);
  });

  it('points at the source where it knows no reason', () => {
    expect(explain('NET')).toBe('nothing that it needs is missing; see init/Kconfig:1 in the kernel source');
  });
});

describe('explainConfigProblem()', () => {
  const option = { symbol: 'FIRMWARE', value: 'n', reason: 'loads code', origin: 'k/forbidden.config:7' };

  it('names who selected a forbidden option', () => {
    const problem = { kind: 'forbidden', option, got: 'y' } as const;
    expect(explainConfigProblem(problem, kconfig, new Map([['CARD', 'y']]))).toBe(
      'CONFIG_FIRMWARE is y, but must not be set (k/forbidden.config:7: loads code): selected by CARD',
    );
  });

  it('does not blame a select whose condition does not hold', () => {
    const problem = { kind: 'forbidden', option, got: 'y' } as const;
    const config = new Map([
      ['CARD', 'y'],
      ['BARE', 'y'],
    ]);
    expect(explainConfigProblem(problem, kconfig, config)).toContain(
      'set by its default, see init/Kconfig:23',
    );
  });

  it('says what was asked, where, and what came out', () => {
    const wanted = { symbol: 'INET', value: 'y', reason: 'IPv4', origin: 'k/network.config:4' };
    expect(explainConfigProblem({ kind: 'dropped', option: wanted, got: 'n' }, kconfig, config)).toBe(
      'CONFIG_INET=y (k/network.config:4) came out as n: it needs NET (is n)',
    );
  });
});

describe('parseExpression()', () => {
  it.each([
    ['A&&B||C&&!D', '(A && B) || (C && !D)'],
    ['(A || B) && C', '(A || B) && C'],
    ['!(A = y) && B != "x y"', '!(A = y) && (B != "x y")'],
    ['$(cc-option,-mfoo(1) -b) && A', '$(cc-option,-mfoo(1) -b) && A'],
    ['V>=19', 'V >= 19'],
  ])('reads %s', (text, expected) => {
    expect(showExpression(parseExpression(text))).toBe(expected);
  });

  it.each(['', 'A &&', '|| A', '(A', 'A)', 'A B', '$(open', 'A = ', '@', '!'])('refuses "%s"', (text) => {
    expect(() => parseExpression(text)).toThrow(SyntaxError);
  });

  it('throws nothing but SyntaxError, whatever it is given', () => {
    const piece = fc.constantFrom(
      'A',
      'B',
      '&&',
      '||',
      '!',
      '(',
      ')',
      '=',
      '!=',
      '<',
      '"',
      '$(',
      ' ',
      '1',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        try {
          symbolsIn(parseExpression(pieces.join('')));
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
  });
});

describe('evaluate()', () => {
  const values = new Map([
    ['Y', 'y'],
    ['M', 'm'],
    ['TEN', '10'],
    ['TEXT', '"abc"'],
  ]);
  it.each([
    ['Y && M', 'm'],
    ['M || N', 'm'],
    ['!M', 'm'],
    ['!N', 'y'],
    ['TEN > 9', 'y'],
    ['TEN < 0x9', 'n'],
    ['TEXT = "abc"', 'y'],
    ['TEXT', 'n'],
    ['Y = y', 'y'],
    ['N = n', 'y'],
    ['$(success,true)', 'y'],
  ])('gives the value of %s', (text, expected) => {
    expect(evaluate(parseExpression(text), values)).toBe(expected);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Expression, parseExpression } from './kconfig-expression.ts';

/** One `config` block; a symbol may have several. */
export interface SymbolDefinition {
  /** `file:line` in the source tree. */
  readonly place: string;
  /** `depends on` of the block and of everything around it; all must hold. */
  readonly dependsOn: readonly Expression[];
  /** When the user is asked; undefined where the block has no prompt. */
  readonly promptIf: readonly Expression[] | undefined;
  /** The other members of the choice that the block stands in. */
  readonly choice: readonly string[] | undefined;
}

/** A symbol of the kernel's configuration language. */
export interface KconfigSymbol {
  readonly name: string;
  readonly definitions: readonly SymbolDefinition[];
  /** Symbols that select this one, and when. */
  readonly selectedBy: readonly { readonly name: string; readonly condition: Expression | undefined }[];
}

/** What is known of a source tree's Kconfig files. */
export type Kconfig = ReadonlyMap<string, KconfigSymbol>;

interface OpenDefinition {
  place: string;
  dependsOn: Expression[];
  promptIf: Expression[] | undefined;
  choice: string[] | undefined;
}

interface OpenSymbol {
  name: string;
  definitions: OpenDefinition[];
  selectedBy: { name: string; condition: Expression | undefined }[];
}

/** What encloses a line: an `if`, a `menu` or a `choice`. */
interface Block {
  dependsOn: Expression[];
  promptIf: Expression[];
  choice: string[] | undefined;
}

/** Includes of includes deeper than any kernel's, and more files: a tree that includes itself ends here. */
const depthLimit = 32;
const fileLimit = 20_000;

/**
 * Reads the Kconfig files of a kernel source tree as far as needed to tell why a symbol is not set: names, prompts,
 * dependencies with those of the enclosing menus, and who selects whom. Defaults and ranges are not kept.
 *
 * @param tree the top of the source tree
 * @param arch the value of `$(SRCARCH)`
 */
export async function readKconfig(tree: string, arch = 'x86'): Promise<Kconfig> {
  const reader = new KconfigReader(tree, arch);
  await reader.file('Kconfig', 0);
  return reader.symbols;
}

class KconfigReader {
  readonly symbols = new Map<string, OpenSymbol>();
  readonly #tree: string;
  readonly #arch: string;
  readonly #blocks: Block[] = [];
  #files = 0;
  #current: { symbol: OpenSymbol; definition: OpenDefinition } | undefined;

  constructor(tree: string, arch: string) {
    this.#tree = tree;
    this.#arch = arch;
  }

  async file(path: string, depth: number): Promise<void> {
    if (depth > depthLimit || ++this.#files > fileLimit) return;
    // A file that is missing hides its symbols only: this reader explains, it does not decide.
    const text = await readFile(join(this.#tree, path), 'utf8').catch(() => '');
    for (const { line, number } of logicalLines(text)) {
      const source = /^(?:source|rsource|osource|orsource)\s+"?([^"]+?)"?$/.exec(line);
      if (source?.[1] === undefined) this.#statement(line, `${path}:${number}`);
      else {
        this.#current = undefined;
        await this.file(source[1].replaceAll('$(SRCARCH)', this.#arch), depth + 1);
      }
    }
  }

  #statement(line: string, place: string): void {
    // `if-success = $(shell,…)`: the definition of a macro
    if (/^[\w-]+\s*(?::|\+)?=/.test(line)) return;
    const [, keyword = '', rest = ''] = /^([a-z_]+)(?=[\s"'(!]|$)\s*(.*)$/.exec(line) ?? [];
    switch (keyword) {
      case 'config':
      case 'menuconfig':
        this.#open(rest.trim(), place);
        break;
      case 'choice':
        this.#enter({ dependsOn: [], promptIf: [], choice: [] });
        break;
      case 'menu':
        this.#enter({ dependsOn: [], promptIf: [], choice: undefined });
        break;
      case 'if':
        this.#enter({ dependsOn: expressions(rest), promptIf: [], choice: undefined });
        break;
      case 'endif':
      case 'endmenu':
      case 'endchoice':
        this.#blocks.pop();
        this.#current = undefined;
        break;
      case 'comment':
      case 'mainmenu':
        this.#current = undefined;
        break;
      case 'depends':
        this.#depends(expressions(rest.replace(/^on\s+/, '')));
        break;
      case 'visible':
        this.#blocks.at(-1)?.promptIf.push(...expressions(rest.replace(/^if\s+/, '')));
        break;
      case 'bool':
      case 'tristate':
      case 'int':
      case 'hex':
      case 'string':
      case 'prompt':
        this.#prompt(rest);
        break;
      case 'select':
        this.#select(rest);
        break;
    }
  }

  #enter(block: Block): void {
    this.#blocks.push(block);
    this.#current = undefined;
  }

  #open(name: string, place: string): void {
    const symbol = this.#symbol(name);
    const choice = this.#blocks.findLast((block) => block.choice !== undefined)?.choice;
    choice?.push(name);
    const definition: OpenDefinition = {
      place,
      dependsOn: this.#blocks.flatMap((block) => block.dependsOn),
      promptIf: undefined,
      choice,
    };
    symbol.definitions.push(definition);
    this.#current = { symbol, definition };
  }

  #symbol(name: string): OpenSymbol {
    const known = this.symbols.get(name);
    if (known) return known;
    const symbol: OpenSymbol = { name, definitions: [], selectedBy: [] };
    this.symbols.set(name, symbol);
    return symbol;
  }

  #depends(on: Expression[]): void {
    (this.#current?.definition ?? this.#blocks.at(-1))?.dependsOn.push(...on);
  }

  /** `bool "text" if CONDITION`; without text it is a type alone. */
  #prompt(rest: string): void {
    const prompt = /^("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?:\s*if\s+(.*))?$/.exec(rest.trim());
    if (!prompt || !this.#current) return;
    const condition = prompt[2] === undefined ? [] : expressions(prompt[2]);
    this.#current.definition.promptIf = [...this.#blocks.flatMap((block) => block.promptIf), ...condition];
  }

  #select(rest: string): void {
    const [, target = '', condition] = /^(\w+)(?:\s+if\s+(.*))?$/.exec(rest.trim()) ?? [];
    if (target === '' || !this.#current) return;
    const name = this.#current.symbol.name;
    this.#symbol(target).selectedBy.push({
      name,
      condition: condition === undefined ? undefined : expressions(condition)[0],
    });
  }
}

/** An expression that this reader does not understand is left out: it explains, it does not decide. */
function expressions(text: string): Expression[] {
  try {
    return [parseExpression(text)];
  } catch {
    return [];
  }
}

/** Lines with continuations joined, comments and help texts left out. */
function* logicalLines(text: string): Generator<{ line: string; number: number }> {
  const lines = text.split('\n');
  let helpIndent: number | undefined;
  let inHelp = false;
  for (let index = 0; index < lines.length; index++) {
    const number = index + 1;
    let raw = lines[index] ?? '';
    if (inHelp) {
      if (raw.trim() === '') continue;
      const indent = indentation(raw);
      helpIndent ??= indent;
      // Help ends at the first line that is indented less than its first line.
      if (indent >= helpIndent && indent > 0) continue;
      inHelp = false;
    }
    while (raw.endsWith('\\') && index + 1 < lines.length)
      raw = `${raw.slice(0, -1)} ${lines[++index] ?? ''}`;
    const line = withoutComment(raw).trim();
    if (/^(?:---)?help(?:---)?$/.test(line)) {
      inHelp = true;
      helpIndent = undefined;
    } else if (line !== '') {
      yield { line, number };
    }
  }
}

function indentation(line: string): number {
  let width = 0;
  for (const character of line) {
    if (character === ' ') width++;
    else if (character === '\t') width = (width & ~7) + 8;
    else break;
  }
  return width;
}

function withoutComment(line: string): string {
  if (!line.includes('#')) return line;
  return line.replace(
    /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|#.*$/g,
    (_, text: string | undefined) => text ?? '',
  );
}

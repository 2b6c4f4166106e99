import { Composer, CST, type Document, Lexer, Parser, type YAMLParseError } from 'yaml';
import type { Finding } from '../problem.ts';

/** Bounds of what is given to the YAML library: its composer recurses, and its time grows with the tokens. */
export interface YamlLimits {
  readonly tokens: number;
  /** UTF-16 units of one token: a text, a comment. */
  readonly tokenLength: number;
  readonly depth: number;
}

export interface Composed {
  /** Absent where the text is beyond the limits or holds no document. */
  readonly document: Document.Parsed | undefined;
  readonly findings: readonly Finding[];
}

/** Errors that a person understands better in other words than the library's. */
const rewordings: Readonly<Record<string, { message: string; advice?: string }>> = {
  TAB_AS_INDENT: { message: 'A tab is used as indentation', advice: 'Indent with spaces' },
  MULTILINE_IMPLICIT_KEY: {
    message: 'A key goes over more than one line',
    advice: 'Look for a missing quote, bracket or ":" on this line or the one before',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'There are two ":" with a space behind them on one line',
    advice: 'Put a text that holds ": " in quotes',
  },
  BAD_ALIAS: { message: 'An alias has no name', advice: 'Put a text that starts with "*" or "&" in quotes' },
};

/**
 * The YAML 1.2 document of a text, with everything that YAML itself has against it. Duplicate keys are left to
 * the caller: the library compares each key with every other.
 */
export function composeYaml(text: string, limits: YamlLimits): Composed {
  const over = overLimits(text, limits);
  if (over !== undefined) return over;
  const tokens = [...new Parser().parse(text)];
  const tooDeep = deeperThan(tokens, limits.depth);
  if (tooDeep !== undefined) return beyond(`The nesting is deeper than ${limits.depth} levels`, tooDeep);

  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, logLevel: 'silent' });
  const [document, ...others] = withoutStackTraces(() => [...composer.compose(tokens, true, text.length)]);
  if (document === undefined) return beyond('The file is empty', 0);
  const errors = [...document.errors, ...others.flatMap((other) => other.errors)];
  const findings = withoutEchoes(errors).map((error) => ({
    offset: error.pos[0],
    path: [],
    ...(rewordings[error.code] ?? { message: sentence(error.message) }),
  }));
  return { document, findings: [...findings, ...directiveFindings(tokens), ...otherDocuments(others)] };
}

/** Tokens of the lexer that stand for no text. */
const lexerMarks: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

function overLimits(text: string, limits: YamlLimits): Composed | undefined {
  let count = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    count += 1;
    if (count > limits.tokens) return beyond(`The file holds more than ${limits.tokens} YAML tokens`, offset);
    if (token.length > limits.tokenLength) {
      return beyond(`A text is longer than ${limits.tokenLength} characters`, offset);
    }
    if (!lexerMarks.has(token)) offset += token.length;
  }
  return undefined;
}

/** One slip of indentation makes every later line wrong in the same way: the first error of each kind, one a place. */
function withoutEchoes(errors: readonly YAMLParseError[]): YAMLParseError[] {
  const kinds = new Set<string>();
  const places = new Set<number>();
  return errors.filter(({ code, pos: [offset] }) => {
    if ((kinds.has(code) && code !== 'TAB_AS_INDENT') || places.has(offset)) return false;
    kinds.add(code);
    places.add(offset);
    return true;
  });
}

/** The library makes an Error of each problem; a hostile file has hundreds of thousands, and traces take nearly all the time. */
function withoutStackTraces<T>(work: () => T): T {
  const errors: object & { stackTraceLimit?: number } = Error as object;
  const { stackTraceLimit } = errors;
  try {
    errors.stackTraceLimit = 0;
    return work();
  } finally {
    if (stackTraceLimit === undefined) delete errors.stackTraceLimit;
    else errors.stackTraceLimit = stackTraceLimit;
  }
}

function beyond(message: string, offset: number): Composed {
  return { document: undefined, findings: [{ offset, path: [], message }] };
}

/** `%YAML 1.1` would turn `off` into false; `%TAG` renames what tags say. Neither is needed. */
function directiveFindings(tokens: readonly CST.Token[]): Finding[] {
  return tokens
    .filter((token) => token.type === 'directive')
    .map(({ offset }) => ({
      offset,
      path: [],
      message: 'Directives are not allowed',
      advice: 'Delete the line: the file is YAML 1.2',
    }));
}

function otherDocuments(others: readonly Document.Parsed[]): Finding[] {
  return others.slice(0, 1).map((other) => ({
    offset: other.range[0],
    path: [],
    message: 'The file holds more than one YAML document',
    advice: 'Write one manifest a file, without "---" between',
  }));
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1).replace(/\.+$/, '');
}

/** Offset of the first token deeper than `depth` collections; iterative, because depth is what is in question. */
function deeperThan(tokens: readonly CST.Token[], depth: number): number | undefined {
  const open = tokens.map((token) => ({ token, level: 0 }));
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const { token, level } = entry;
    if (level > depth) return token.offset;
    if (token.type === 'document' && token.value) open.push({ token: token.value, level });
    if (!('items' in token)) continue;
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, level: level + 1 });
      if (value) open.push({ token: value, level: level + 1 });
    }
  }
  return undefined;
}

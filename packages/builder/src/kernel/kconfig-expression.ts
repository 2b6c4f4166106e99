/** A Kconfig expression: kbuild's `Documentation/kbuild/kconfig-language.rst`, "Menu dependencies". */
export type Expression =
  | { readonly kind: 'symbol'; readonly name: string }
  /** A quoted constant, or a macro such as `$(cc-option,-mharden-sls=all)` that only the compiler can answer. */
  | { readonly kind: 'constant'; readonly text: string }
  | { readonly kind: 'macro'; readonly text: string }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'compare';
      readonly operator: '=' | '!=' | '<' | '<=' | '>' | '>=';
      readonly left: Expression;
      readonly right: Expression;
    };

const blank = /[ \t]*/y;
const operator = /&&|\|\||!=|<=|>=|[!()=<>]/y;
const quoted = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/y;
const word = /[A-Za-z0-9_./-]+/y;

/** Splits into operators and operands. Macros are kept whole, with their nested parentheses. */
function tokens(text: string): string[] {
  const found: string[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const hit = pattern.exec(text)?.[0];
    if (hit !== undefined) at += hit.length;
    return hit;
  };
  for (;;) {
    match(blank);
    if (at >= text.length) return found;
    const token = text.startsWith('$(', at)
      ? macro(text, at)
      : (match(quoted) ?? match(operator) ?? match(word));
    if (token === undefined) throw new SyntaxError(`unexpected "${text.slice(at, at + 20)}"`);
    if (text.startsWith('$(', at) && token.startsWith('$(')) at += token.length;
    found.push(token);
  }
}

function macro(text: string, from: number): string {
  let depth = 0;
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return text.slice(from, at + 1);
  }
  throw new SyntaxError(`"${text.slice(from, from + 20)}" is not closed`);
}

/**
 * Parses an expression. Precedence: comparison, `!`, `&&`, `||`.
 *
 * @throws SyntaxError for text that is no expression
 */
export function parseExpression(text: string): Expression {
  const list = tokens(text);
  let at = 0;
  const take = (...wanted: string[]): string | undefined =>
    wanted.includes(list[at] ?? '') ? list[at++] : undefined;

  const or = (): Expression => {
    let left = and();
    while (take('||')) left = { kind: 'or', left, right: and() };
    return left;
  };
  const and = (): Expression => {
    let left = unary();
    while (take('&&')) left = { kind: 'and', left, right: unary() };
    return left;
  };
  const unary = (): Expression => (take('!') ? { kind: 'not', operand: unary() } : comparison());
  const comparison = (): Expression => {
    const left = primary();
    const sign = take('=', '!=', '<', '<=', '>', '>=');
    if (sign === undefined) return left;
    return { kind: 'compare', operator: sign as '=', left, right: primary() };
  };
  const primary = (): Expression => {
    if (take('(')) {
      const inside = or();
      if (!take(')')) throw new SyntaxError(`")" is missing in "${text}"`);
      return inside;
    }
    const token = list[at++];
    if (token === undefined || /^(?:&&|\|\||[!=<>()]|!=|<=|>=)$/.test(token)) {
      throw new SyntaxError(`an operand is missing in "${text}"`);
    }
    if (token.startsWith('$(')) return { kind: 'macro', text: token };
    if (token.startsWith('"') || token.startsWith("'")) return { kind: 'constant', text: token.slice(1, -1) };
    return { kind: 'symbol', name: token };
  };

  const expression = or();
  if (at < list.length) throw new SyntaxError(`unexpected "${list[at]}" in "${text}"`);
  return expression;
}

/** `y`, `m`, `n` and numbers are written like symbols and stand for themselves. */
export function isLiteral(name: string): boolean {
  return /^(?:[ymn]|-?[0-9]+|0x[0-9a-fA-F]+)$/.test(name);
}

/** The expression as Kconfig would write it. */
export function showExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'symbol':
      return expression.name;
    case 'constant':
      return `"${expression.text}"`;
    case 'macro':
      return expression.text;
    case 'not':
      return `!${showOperand(expression.operand)}`;
    case 'and':
      return `${showOperand(expression.left)} && ${showOperand(expression.right)}`;
    case 'or':
      return `${showOperand(expression.left)} || ${showOperand(expression.right)}`;
    case 'compare':
      return `${showExpression(expression.left)} ${expression.operator} ${showExpression(expression.right)}`;
  }
}

function showOperand(expression: Expression): string {
  const atom = expression.kind === 'symbol' || expression.kind === 'macro' || expression.kind === 'not';
  return atom ? showExpression(expression) : `(${showExpression(expression)})`;
}

/** The symbols that an expression names, in order. */
export function symbolsIn(expression: Expression): string[] {
  switch (expression.kind) {
    case 'symbol':
      return isLiteral(expression.name) ? [] : [expression.name];
    case 'not':
      return symbolsIn(expression.operand);
    case 'and':
    case 'or':
    case 'compare':
      return [...symbolsIn(expression.left), ...symbolsIn(expression.right)];
    default:
      return [];
  }
}

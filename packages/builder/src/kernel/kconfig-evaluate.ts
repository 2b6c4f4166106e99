import { configValue, type KernelConfig } from './config.ts';
import { type Expression, isLiteral } from './kconfig-expression.ts';

/** kbuild's three values. */
export type Tristate = 'y' | 'm' | 'n';

const rank = { n: 0, m: 1, y: 2 } as const;
const negation = { n: 'y', m: 'm', y: 'n' } as const;

/** Value of an expression under a final configuration. A macro counts as `y`: only the compiler could tell. */
export function evaluate(expression: Expression, config: KernelConfig): Tristate {
  switch (expression.kind) {
    case 'symbol':
    case 'constant':
      return tristate(operand(expression, config));
    case 'macro':
      return 'y';
    case 'not':
      return negation[evaluate(expression.operand, config)];
    case 'and': {
      const [left, right] = [evaluate(expression.left, config), evaluate(expression.right, config)];
      return rank[left] < rank[right] ? left : right;
    }
    case 'or': {
      const [left, right] = [evaluate(expression.left, config), evaluate(expression.right, config)];
      return rank[left] > rank[right] ? left : right;
    }
    case 'compare': {
      const [left, right] = [operand(expression.left, config), operand(expression.right, config)];
      return comparisons[expression.operator](difference(left, right)) ? 'y' : 'n';
    }
  }
}

const comparisons = {
  '=': (sign: number) => sign === 0,
  '!=': (sign: number) => sign !== 0,
  '<': (sign: number) => sign < 0,
  '<=': (sign: number) => sign <= 0,
  '>': (sign: number) => sign > 0,
  '>=': (sign: number) => sign >= 0,
} as const;

/** Below, at or above zero as `left` is below, at or above `right`: as numbers where both are, else as text. */
function difference(left: string, right: string): number {
  const [a, b] = [Number(left), Number(right)];
  if (left !== '' && right !== '' && Number.isFinite(a) && Number.isFinite(b)) return a - b;
  return left === right ? 0 : left < right ? -1 : 1;
}

function tristate(text: string): Tristate {
  return text === 'y' || text === 'm' ? text : 'n';
}

/** The text that a comparison compares: constants and literals stand for themselves. */
function operand(expression: Expression, config: KernelConfig): string {
  if (expression.kind === 'constant') return expression.text;
  if (expression.kind !== 'symbol') return evaluate(expression, config);
  if (isLiteral(expression.name)) return expression.name;
  return configValue(config, expression.name).replace(/^"(.*)"$/, '$1');
}

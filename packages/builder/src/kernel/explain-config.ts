import type { ConfigProblem } from './check-config.ts';
import { configValue, type KernelConfig } from './config.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Kconfig, KconfigSymbol, SymbolDefinition } from './kconfig.ts';
import { evaluate } from './kconfig-evaluate.ts';
import { type Expression, isLiteral, showExpression, symbolsIn } from './kconfig-expression.ts';

/** One line for each problem: what was asked, where, what came out, and which dependency is the cause. */
export function explainConfigProblem(problem: ConfigProblem, kconfig: Kconfig, config: KernelConfig): string {
  switch (problem.kind) {
    case 'module':
      return `CONFIG_${problem.symbol} would be a module`;
    case 'forbidden': {
      const { symbol, origin, reason } = problem.option;
      const why = explainSet(symbol, kconfig, config);
      return `CONFIG_${symbol} is ${problem.got}, but must not be set (${origin}: ${reason}): ${why}`;
    }
    case 'dropped': {
      const { symbol, value, origin } = problem.option;
      const why = explainDropped(symbol, kconfig, config);
      return `CONFIG_${symbol}=${value} (${origin}) came out as ${problem.got}: ${why}`;
    }
  }
}

/** Why a symbol could not be set: "it needs AMD_MEM_ENCRYPT (is n) and VIRT_DRIVERS (is n)". */
export function explainDropped(name: string, kconfig: Kconfig, config: KernelConfig): string {
  const symbol = kconfig.get(name);
  if (!symbol || symbol.definitions.length === 0) return unknownSymbol(name, kconfig);
  const obstacles = symbol.definitions.map((definition) => obstacle(definition, symbol, kconfig, config));
  // Of several definitions the one with the fewest obstacles is the one that was meant.
  return obstacles.sort((a, b) => a.weight - b.weight)[0]?.text ?? '';
}

/** Says that a symbol does not exist, and which one may be meant. */
function unknownSymbol(name: string, kconfig: Kconfig): string {
  return `this kernel has no such symbol${didYouMean(name, kconfig.keys())}`;
}

interface Obstacle {
  /** How far the symbol is from being settable. */
  readonly weight: number;
  readonly text: string;
}

function obstacle(
  definition: SymbolDefinition,
  symbol: KconfigSymbol,
  kconfig: Kconfig,
  config: KernelConfig,
): Obstacle {
  const needs = missingNeeds(definition, config);
  if (needs.length > 0) {
    const named = needs.map((need) => showNeed(need, needs, kconfig, config));
    return { weight: needs.length, text: `it needs ${listing(named, 'and')}` };
  }
  if (definition.promptIf === undefined) {
    const selectors = symbol.selectedBy.map(({ name }) => `${name} (is ${configValue(config, name)})`);
    const text =
      selectors.length === 0
        ? 'it has no prompt: its default alone sets it'
        : `it has no prompt: it comes with ${listing(selectors.slice(0, 8), 'or')}`;
    return { weight: 100, text };
  }
  const chosen = definition.choice?.find((other) => other !== symbol.name && config.get(other) === 'y');
  if (chosen) return { weight: 0, text: `it is one of a choice, and ${chosen} (is y) was chosen` };
  return {
    weight: 0,
    text: `nothing that it needs is missing; see ${definition.place} in the kernel source`,
  };
}

/** The parts of a definition's dependencies that do not hold, without repetition. */
function missingNeeds(definition: SymbolDefinition, config: KernelConfig): Expression[] {
  const missing = [...definition.dependsOn, ...(definition.promptIf ?? [])].flatMap((expression) =>
    unmet(expression, config),
  );
  return [...new Map(missing.map((need) => [showExpression(need), need])).values()];
}

/** The conjuncts of an expression that do not hold. */
function unmet(expression: Expression, config: KernelConfig): Expression[] {
  if (evaluate(expression, config) !== 'n') return [];
  if (expression.kind !== 'and') return [expression];
  return [...unmet(expression.left, config), ...unmet(expression.right, config)];
}

/** `NET (is n)`; where that in turn lacks something that is not listed yet: `NET (is n, needs X (is n))`. */
function showNeed(
  need: Expression,
  listed: readonly Expression[],
  kconfig: Kconfig,
  config: KernelConfig,
): string {
  if (need.kind !== 'symbol' || isLiteral(need.name)) return showWithValues(need, config);
  const known = new Set(listed.map(showExpression));
  const ways = (kconfig.get(need.name)?.definitions ?? []).map((definition) =>
    missingNeeds(definition, config),
  );
  const nearest = ways.sort((a, b) => a.length - b.length)[0] ?? [];
  const further = nearest.filter((expression) => !known.has(showExpression(expression)));
  const suffix =
    further.length === 0
      ? ''
      : `, needs ${listing(
          further.map((e) => showWithValues(e, config)),
          'and',
        )}`;
  return `${need.name} (is ${configValue(config, need.name)}${suffix})`;
}

/** `!STACKDEPOT (STACKDEPOT is y)`; of a plain disjunction each member with its value. */
function showWithValues(expression: Expression, config: KernelConfig): string {
  if (expression.kind === 'symbol' && !isLiteral(expression.name)) {
    return `${expression.name} (is ${configValue(config, expression.name)})`;
  }
  const members = disjuncts(expression);
  if (members.length > 1)
    return `one of ${listing(
      members.map((member) => showWithValues(member, config)),
      'or',
    )}`;
  const values = [...new Set(symbolsIn(expression))].map((name) => `${name} is ${configValue(config, name)}`);
  return `${showExpression(expression)}${values.length === 0 ? '' : ` (${values.join(', ')})`}`;
}

function disjuncts(expression: Expression): Expression[] {
  if (expression.kind !== 'or') return [expression];
  return [...disjuncts(expression.left), ...disjuncts(expression.right)];
}

/** Why a symbol is set that must not be. */
function explainSet(name: string, kconfig: Kconfig, config: KernelConfig): string {
  const symbol = kconfig.get(name);
  const selectors = (symbol?.selectedBy ?? []).filter(
    (selector) =>
      configValue(config, selector.name) !== 'n' &&
      (selector.condition === undefined || evaluate(selector.condition, config) !== 'n'),
  );
  if (selectors.length > 0)
    return `selected by ${listing(
      selectors.map((selector) => selector.name),
      'and',
    )}`;
  const place = symbol?.definitions[0]?.place;
  return place === undefined
    ? unknownSymbol(name, kconfig)
    : `set by its default, see ${place} in the kernel source`;
}

function listing(items: readonly string[], word: 'and' | 'or'): string {
  if (items.length <= 1) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`;
}

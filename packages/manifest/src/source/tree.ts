import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair } from 'yaml';
import type { Finding } from '../problem.ts';

type Path = readonly (string | number)[];

/** A value with its place in the text. */
export interface Located {
  /** Plain data: null-prototype objects, arrays, scalars. */
  readonly value: unknown;
  /** Offset of the value. */
  readonly offset: number;
  /** Offset of the key, for a member of a mapping. */
  readonly keyOffset?: number;
  /** A scalar as it is written. */
  readonly text?: string;
  readonly children: ReadonlyMap<string | number, Located>;
  /** Its value is not known, because it is written in a way that was refused. */
  readonly unknown?: true;
}

export interface Tree {
  readonly root: Located;
  readonly findings: readonly Finding[];
}

/** The plain data of a YAML document, the place of each part, and what of YAML is refused. */
export function locate(document: Document.Parsed): Tree {
  const findings: Finding[] = [];
  const root = visit(document.contents, [], document.range[0], findings);
  return { root, findings };
}

/** The part at a path, or the deepest part above it that exists. */
export function nearest(root: Located, path: Path): { located: Located; depth: number } {
  let located = root;
  let depth = 0;
  for (const part of path) {
    const child = located.children.get(part);
    if (child === undefined) break;
    located = child;
    depth += 1;
  }
  return { located, depth };
}

function visit(node: Node | null, path: Path, fallback: number, findings: Finding[]): Located {
  const offset = node?.range?.[0] ?? fallback;
  const none = new Map<string | number, Located>();
  if (node === null) return { value: null, offset, children: none };
  if (isAlias(node)) {
    findings.push({ offset, path, ...noAliases });
    return { value: undefined, offset, children: none, unknown: true };
  }
  findings.push(...refusedProperties(node, path, offset));
  if (isScalar(node)) {
    const text = typeof node.source === 'string' ? node.source : undefined;
    return { value: node.value, offset, children: none, ...(text !== undefined && { text }) };
  }
  if (isSeq(node)) {
    const children = node.items.map((item, index) =>
      visit(isNode(item) ? item : null, [...path, index], offset, findings),
    );
    return { value: children.map(({ value }) => value), offset, children: new Map(children.entries()) };
  }
  if (isMap(node)) {
    const children = visitPairs(node.items as Pair<Node | null, Node | null>[], path, offset, findings);
    const value: Record<string, unknown> = Object.create(null);
    for (const [key, child] of children) value[key] = child.value;
    return { value, offset, children };
  }
  return { value: undefined, offset, children: none, unknown: true };
}

function visitPairs(
  pairs: readonly Pair<Node | null, Node | null>[],
  path: Path,
  fallback: number,
  findings: Finding[],
) {
  const children = new Map<string, Located>();
  for (const { key, value } of pairs) {
    const offset = key?.range?.[0] ?? fallback;
    const name = keyName(key, path, offset, findings);
    if (name === undefined) continue;
    if (children.has(name)) {
      const message = `The key "${name}" is written twice`;
      findings.push({ offset, path: [...path, name], message, advice: 'Keep one of the two' });
      continue;
    }
    // An empty value starts behind its key.
    const located = visit(value, [...path, name], key?.range?.[1] ?? offset, findings);
    children.set(name, { ...located, keyOffset: offset });
  }
  return children;
}

/** The key of a pair, where it is a text that can be one; a finding otherwise. */
function keyName(key: Node | null, path: Path, offset: number, findings: Finding[]): string | undefined {
  if (isAlias(key)) {
    findings.push({ offset, path, ...noAliases });
    return undefined;
  }
  if (key !== null) findings.push(...refusedProperties(key, path, offset));
  if (!isScalar(key) || typeof key.value !== 'string') {
    const text =
      isScalar(key) && typeof key.source === 'string' && key.source !== '' ? key.source : undefined;
    const advice = text === undefined ? undefined : `Quote it: "${text}"`;
    findings.push({ offset, path, message: 'A key must be text', advice });
    return undefined;
  }
  if (key.value === '<<' && key.type === 'PLAIN') {
    findings.push({ offset, path, message: 'Merge keys are not allowed', advice: reading });
    return undefined;
  }
  // Objects have it whether it is written or not, so that libraries skip it silently.
  if (key.value === '__proto__') {
    findings.push({ offset, path, message: 'The key "__proto__" is not allowed' });
    return undefined;
  }
  return key.value;
}

const reading = 'Write the value out: what is measured must be readable in one place';
const noAliases = { message: 'Aliases are not allowed', advice: reading };

function refusedProperties(node: Exclude<Node, { type?: 'ALIAS' }>, path: Path, offset: number): Finding[] {
  const findings: Finding[] = [];
  if ('anchor' in node && node.anchor !== undefined) {
    findings.push({
      offset,
      path,
      message: `The anchor "&${node.anchor}" is not allowed`,
      advice: 'Delete it',
    });
  }
  if (node.tag !== undefined) {
    const message = `The tag "${node.tag}" is not allowed`;
    findings.push({
      offset,
      path,
      message,
      advice: 'Delete it; put text in quotes where YAML would read it as something else',
    });
  }
  return findings;
}

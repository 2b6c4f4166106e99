/** A token of JSON (RFC 8259 §2 to §7). */
const token =
  /(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/uy;

/** What may come next; `first…` also takes the closing bracket. */
type State = 'value' | 'firstValue' | 'key' | 'firstKey' | 'colon' | 'comma' | 'end';

/** Offset of the first token at which a text can be no JSON any more. Engines do not say it, or each in its own words. */
export function jsonErrorOffset(text: string): number {
  const open: string[] = [];
  let state: State = 'value';
  let offset = 0;
  for (;;) {
    offset += /^[ \t\n\r]*/.exec(text.slice(offset))?.[0].length ?? 0;
    token.lastIndex = offset;
    const match = token.exec(text);
    if (match === null) return offset;
    const next: State | undefined = after(state, match[1] ?? (match[2] ? 'string' : 'scalar'), open);
    if (next === undefined) return offset;
    state = next;
    offset = token.lastIndex;
  }
}

/** The state behind a token, or undefined where the token can't stand; keeps the stack of open brackets. */
function after(state: State, kind: string, open: string[]): State | undefined {
  const takesValue = state === 'value' || state === 'firstValue';
  const close = (): State => {
    open.pop();
    return open.length === 0 ? 'end' : 'comma';
  };
  switch (kind) {
    case '{':
    case '[':
      if (!takesValue) return undefined;
      open.push(kind);
      return kind === '{' ? 'firstKey' : 'firstValue';
    case '}':
      return open.at(-1) === '{' && (state === 'comma' || state === 'firstKey') ? close() : undefined;
    case ']':
      return open.at(-1) === '[' && (state === 'comma' || state === 'firstValue') ? close() : undefined;
    case ',':
      if (state !== 'comma') return undefined;
      return open.at(-1) === '{' ? 'key' : 'value';
    case ':':
      return state === 'colon' ? 'value' : undefined;
    case 'string':
      if (state === 'key' || state === 'firstKey') return 'colon';
      break;
  }
  if (!takesValue) return undefined;
  return open.length === 0 ? 'end' : 'comma';
}

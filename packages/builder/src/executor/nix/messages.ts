/** What Nix tells while it builds, from `--log-format internal-json`. */
export type NixMessage =
  /** A line that the builder printed. */
  | { readonly kind: 'log'; readonly line: string }
  /** An error or a warning of Nix itself, without colours. */
  | { readonly kind: 'problem'; readonly text: string }
  /** Something that takes a while: a build that starts, a path that is copied. */
  | { readonly kind: 'activity'; readonly text: string };

/** Numbers of Nix's logger (libutil/logging.hh): kinds of results, and levels of messages. */
const BUILD_LOG_LINE = 101;
const POST_BUILD_LOG_LINE = 107;
const LEVEL_WARNING = 1;
const LEVEL_INFO = 3;

const PREFIX = '@nix ';
// biome-ignore lint/suspicious/noControlCharactersInRegex: ECMA-48 control sequences begin with ESC [
const COLOURS = /\x1b\[[0-9;]*m/g;

/** What a line on Nix's standard error says; `undefined` for what nobody needs to know. */
export function parseNixMessage(line: string): NixMessage | undefined {
  const told = line.startsWith(PREFIX) ? parseJson(line.slice(PREFIX.length)) : undefined;
  // Older parts of Nix, and libraries in it, print as they like.
  if (told === undefined)
    return line === '' ? undefined : { kind: 'problem', text: line.replace(COLOURS, '') };
  const { action, type, level, text, msg, fields } = told;
  if (action === 'result' && (type === BUILD_LOG_LINE || type === POST_BUILD_LOG_LINE)) {
    const [first] = Array.isArray(fields) ? fields : [];
    return { kind: 'log', line: String(first ?? '') };
  }
  if (action === 'msg' && typeof level === 'number' && level <= LEVEL_WARNING) {
    return { kind: 'problem', text: String(msg ?? '').replace(COLOURS, '') };
  }
  if (action === 'start' && typeof level === 'number' && level <= LEVEL_INFO && text) {
    return { kind: 'activity', text: String(text).replace(COLOURS, '') };
  }
  return undefined;
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

import { BuilderError } from '../error.ts';

/** The fields of one stanza, by lower-case name; the lines of a multi-line field are joined by `\n`. */
export type Stanza = ReadonlyMap<string, string>;

/** Parses one stanza, deb822(5). Throws `index-invalid` for a line that is neither a field nor a continuation. */
export function parseStanza(text: string, where: string): Stanza {
  const fields = new Map<string, string>();
  let current: string | undefined;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (current === undefined) throw malformed(where, line);
      fields.set(current, `${fields.get(current)}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1) throw malformed(where, line);
    current = line.slice(0, colon).toLowerCase();
    if (fields.has(current)) throw malformed(where, line);
    fields.set(current, line.slice(colon + 1).trim());
  }
  return fields;
}

const separator = '\n\n';
const packageField = 'Package:';
const providesField = '\nProvides:';

/**
 * A Packages or Sources index: 50 MB of which a resolution reads 0.3 percent. The constructor notes where each
 * package's stanzas are; a stanza is parsed when it is asked for.
 */
export class StanzaIndex {
  /** One character a byte: V8 searches that many times faster than it decodes UTF-8. */
  readonly #text: string;
  readonly #where: string;
  readonly #starts = new Map<string, number[]>();
  readonly #providers = new Map<string, number[]>();

  /** `where` names the index in errors. Throws `index-invalid` for a stanza without a package name. */
  constructor(bytes: Uint8Array, where: string) {
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    this.#where = where;
    let provides = this.#text.indexOf(providesField);
    for (let start = 0; start < this.#text.length; ) {
      const end = this.#endOf(start);
      if (end > start) append(this.#starts, this.#nameAt(start, end), start);
      if (provides >= 0 && provides < end) {
        for (const name of this.#providedAt(provides)) append(this.#providers, name, start);
        provides = this.#text.indexOf(providesField, end);
      }
      start = end + separator.length;
      while (this.#text[start] === '\n') start++;
    }
  }

  /** Names of all packages in the index. */
  names(): IterableIterator<string> {
    return this.#starts.keys();
  }

  /** The stanzas of a package: an index may hold it in several versions. */
  named(name: string): Stanza[] {
    return (this.#starts.get(name) ?? []).map((start) => this.#parse(start));
  }

  /** The stanzas of the packages that provide a virtual package, in the index's order. */
  providing(name: string): Stanza[] {
    return (this.#providers.get(name) ?? []).map((start) => this.#parse(start));
  }

  #parse(start: number): Stanza {
    const bytes = Buffer.from(this.#text.slice(start, this.#endOf(start)), 'latin1');
    return parseStanza(bytes.toString('utf8'), this.#where);
  }

  #endOf(start: number): number {
    const end = this.#text.indexOf(separator, start);
    return end < 0 ? this.#text.length : end;
  }

  #nameAt(start: number, end: number): string {
    let at = start;
    while (at < end && !this.#text.startsWith(packageField, at)) {
      const next = this.#text.indexOf('\n', at);
      at = next < 0 ? end : next + 1;
    }
    if (at >= end) throw malformed(this.#where, this.#text.slice(start, Math.min(end, start + 80)));
    return this.#lineAt(at + packageField.length).trim();
  }

  #providedAt(provides: number): Set<string> {
    const names = this.#lineAt(provides + providesField.length)
      .split(',')
      .map((part) => part.trim().split(/[ (:]/, 1)[0] ?? '');
    return new Set(names.filter((name) => name !== ''));
  }

  #lineAt(start: number): string {
    const end = this.#text.indexOf('\n', start);
    return this.#text.slice(start, end < 0 ? this.#text.length : end);
  }
}

function append(map: Map<string, number[]>, name: string, start: number): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, [start]);
  else known.push(start);
}

function malformed(where: string, line: string): BuilderError {
  return new BuilderError('index-invalid', `Cannot read "${line.slice(0, 80)}" in ${where}`, {
    hint: 'The index has a valid digest, so it is as Debian signed it: please report this to altee',
  });
}

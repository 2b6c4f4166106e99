/** Writes and reads OpenSSH's wire format: strings with their length in four bytes (RFC 4251 §5). */

/** `string`: four bytes of length, big-endian, and the bytes. */
export function wireString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Reads wire format from the front; throws a `RangeError` past the end. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new RangeError('it ends too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}

/** The bytes of base64 in its one canonical spelling (RFC 4648 §3.5); undefined for every other text. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** The bytes between `-----BEGIN <label>-----` and its end, base64 (RFC 7468); undefined where the text is none. */
export function fromArmour(text: string, label: string): Buffer | undefined {
  const armour = new RegExp(
    `^-----BEGIN ${label}-----\\r?\\n([A-Za-z0-9+/=\\r\\n]+)-----END ${label}-----(?:\\r?\\n)?$`,
  );
  const [, body] = armour.exec(text) ?? [];
  return body === undefined ? undefined : fromBase64(body.replace(/[\r\n]/g, ''));
}

/** The bytes as text between `-----BEGIN <label>-----` and its end, in lines of 70 characters as ssh-keygen writes. */
export function toArmour(bytes: Uint8Array, label: string): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

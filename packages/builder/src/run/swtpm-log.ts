import { BuilderError } from '../error.ts';

/** One exchange with swtpm, as its log shows it. `response` is absent where the log ends before it. */
export interface SwtpmExchange {
  /** `tpm`: a TPM 2.0 command; `control`: a command of swtpm's control channel (swtpm_ioctls(3)). */
  readonly channel: 'tpm' | 'control';
  readonly line: number;
  readonly command: Uint8Array;
  readonly response: Uint8Array | undefined;
}

export interface SwtpmLog {
  readonly exchanges: readonly SwtpmExchange[];
  /** Lines that are no exchange; swtpm's own remarks. */
  readonly remarks: readonly string[];
}

/** A boot makes some 100 KB; a guest that keeps the TPM busy for hours stays below this. */
const MAX_LOG_BYTES = 64 * 2 ** 20;
/** No command or response is larger: the TPM's buffer is 4096 bytes, control blobs come in pieces of 64 KiB. */
const MAX_RECORD_BYTES = 128 * 1024;
const MAX_REMARKS = 100;

const HEADERS: Readonly<Record<string, readonly ['tpm' | 'control', 'command' | 'response']>> = {
  SWTPM_IO_Read: ['tpm', 'command'],
  SWTPM_IO_Write: ['tpm', 'response'],
  'Ctrl Cmd': ['control', 'command'],
  'Ctrl Rsp': ['control', 'response'],
};

const HEADER = /^ (SWTPM_IO_Read|SWTPM_IO_Write|Ctrl Cmd|Ctrl Rsp): length (\d{1,7})$/;
const DUMP = /^ ((?:[0-9A-F]{2} ){1,16})$/;

/**
 * Reads the log that swtpm 0.7 writes at `level=2`: for each message a header with its length and a dump of 16
 * bytes a line. What the guest sends stands there as hexadecimal digits only, so it can't forge a record. Throws
 * `machine-failed` where the text contradicts itself (a length that is not met, a response without a command).
 */
export function parseSwtpmLog(text: string): SwtpmLog {
  if (text.length > MAX_LOG_BYTES) throw malformed(0, `is larger than ${MAX_LOG_BYTES} bytes`);
  const lines = text.split('\n');
  const exchanges: SwtpmExchange[] = [];
  const open: Partial<Record<'tpm' | 'control', { line: number; command: Uint8Array; at: number }>> = {};
  const remarks: string[] = [];

  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    const header = HEADER.exec(line);
    if (header === null) {
      if (DUMP.test(line)) throw malformed(at, 'has bytes that belong to no record');
      if (line !== '' && remarks.length < MAX_REMARKS) remarks.push(line);
      at += 1;
      continue;
    }
    const [channel, role] = HEADERS[header[1] ?? ''] ?? ['tpm', 'command'];
    const start = at;
    const record = readDump(lines, at + 1, Number(header[2]));
    at = record.next;
    if (role === 'command') {
      const pending = open[channel];
      if (pending !== undefined)
        throw malformed(start, 'has a command before the response to the one before');
      open[channel] = { line: start + 1, command: record.bytes, at: exchanges.length };
      // Its place is kept: control messages may stand between a TPM command and its response.
      exchanges.push({ channel, line: start + 1, command: record.bytes, response: undefined });
    } else {
      const pending = open[channel];
      if (pending === undefined) throw malformed(start, 'has a response without a command');
      exchanges[pending.at] = {
        channel,
        line: pending.line,
        command: pending.command,
        response: record.bytes,
      };
      delete open[channel];
    }
  }
  return { exchanges, remarks };
}

/** Reads `length` bytes from the dump that starts at line index `at`. */
function readDump(lines: readonly string[], at: number, length: number): { bytes: Uint8Array; next: number } {
  if (length > MAX_RECORD_BYTES) throw malformed(at - 1, `has a record of ${length} bytes`);
  const bytes = new Uint8Array(length);
  let next = at;
  for (let filled = 0; filled < length; next += 1) {
    const dump = DUMP.exec(lines[next] ?? '');
    const digits = dump?.[1]?.replaceAll(' ', '') ?? '';
    const count = Math.min(16, length - filled);
    if (digits.length !== 2 * count) throw malformed(next, `needs ${count} bytes of a record of ${length}`);
    for (let i = 0; i < count; i += 1)
      bytes[filled + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    filled += count;
  }
  return { bytes, next };
}

function malformed(index: number, what: string): BuilderError {
  return new BuilderError('machine-failed', `Cannot read the TPM's log: line ${index + 1} ${what}`, {
    hint: 'The software TPM may have been stopped while it wrote, or its disk is full; run the image again',
  });
}

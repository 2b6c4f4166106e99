import { type FileHandle, open } from 'node:fs/promises';
import type { StepIo } from './executor.ts';
import { LineSplitter } from './lines.ts';

/** A step that prints more than this is out of its mind. */
const MAX_LOG_BYTES = 256 * 2 ** 20;
/** Lines of a failed step that its error shows. */
const TAIL_LINES = 20;

/** What a step prints: to its log file as it is, to whoever watches by lines, the last ones kept for an error. */
export class StepLog {
  readonly #file: FileHandle;
  readonly #lines: LineSplitter;
  readonly #tail: string[] = [];
  readonly #tooLong = new AbortController();
  #bytes = 0;

  private constructor(file: FileHandle, onLine: StepIo['onLine']) {
    this.#file = file;
    this.#lines = new LineSplitter((line) => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
      onLine?.(line);
    });
  }

  static async open({ logFile, onLine }: Pick<StepIo, 'logFile' | 'onLine'>): Promise<StepLog> {
    return new StepLog(await open(logFile, 'a', 0o644), onLine);
  }

  /** The last lines. */
  get tail(): readonly string[] {
    return this.#tail;
  }

  async push(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_LOG_BYTES) return this.#tooLong.abort();
    this.#lines.push(chunk);
    await this.#file.appendFile(chunk);
  }

  /** A guard that gives `log-size` when the step printed too much. */
  readonly guard = (stop: AbortSignal): Promise<'log-size' | undefined> =>
    new Promise((resolve) => {
      this.#tooLong.signal.addEventListener('abort', () => resolve('log-size'), { once: true });
      stop.addEventListener('abort', () => resolve(undefined), { once: true });
    });

  /** Takes a last line that no newline ended. */
  end(): void {
    this.#lines.end();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

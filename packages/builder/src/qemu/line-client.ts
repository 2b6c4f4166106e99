import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BuilderError } from '../error.ts';

const MAX_LINE = 16 * 2 ** 20;

/**
 * A line protocol over a UNIX socket, as QEMU's qtest and QMP are: a request is one line, and so is the answer.
 * All that goes wrong is `machine-failed`.
 */
export class LineClient {
  readonly #socket: Socket;
  readonly #name: string;
  readonly #lines: string[] = [];
  #rest: string[] = [];
  #restLength = 0;
  #wake: () => void = () => {};
  #ended: Error | undefined;

  private constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#name = name;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the connection ended')));
  }

  /** Connects as soon as somebody listens at `path`, or until `stop`. */
  static async open(path: string, name: string, stop: AbortSignal): Promise<LineClient> {
    for (;;) {
      const socket = await tryConnect(path);
      if (socket !== undefined) return new LineClient(socket, name);
      if (stop.aborted) throw failed(name, 'nobody listens');
      await delay(2);
    }
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.#ended) throw failed(this.#name, this.#ended.message);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift() ?? '';
  }

  send(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    const [first = '', ...more] = chunk.split('\n');
    this.#rest.push(first);
    this.#restLength += first.length;
    for (const next of more) {
      this.#lines.push(this.#rest.join(''));
      this.#rest = [next];
      this.#restLength = next.length;
    }
    if (this.#restLength > MAX_LINE) this.#end(new Error('a line without end'));
    if (this.#lines.length > 0) this.#wake();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#socket.destroy();
    this.#wake();
  }
}

function failed(name: string, problem: string): BuilderError {
  return new BuilderError('machine-failed', `QEMU does not answer on ${name}: ${problem}`);
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => resolve(undefined));
  });
}

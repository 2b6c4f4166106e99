import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/** QEMU's SHUTDOWN event (QMP reference, "run-state"); other messages are of no interest here. */
const Shutdown = z.object({
  event: z.literal('SHUTDOWN'),
  data: z.object({ guest: z.boolean(), reason: z.string() }),
});

const MAX_LINE = 1024 * 1024;

/**
 * QEMU's control connection: tells why the machine stopped, and can ask QEMU to end. It never fails: a machine
 * without it still runs, and its end has no reason then.
 */
export class Qmp {
  #socket: Socket | undefined;
  #closed = false;
  #shutdown: string | undefined;

  /** Why the machine was shut down: `guest-shutdown`, `guest-reset`, `guest-panic`, `host-qmp-quit`, … */
  get shutdownReason(): string | undefined {
    return this.#shutdown;
  }

  /** Connects as soon as QEMU listens, for as long as it takes or until `close`. */
  async open(path: string): Promise<void> {
    while (!this.#closed && this.#socket === undefined) {
      this.#socket = await tryConnect(path);
      if (this.#socket === undefined) await delay(50);
    }
    if (this.#closed) this.#socket?.destroy();
    this.#socket?.on('error', () => {});
    this.#listen();
    this.#send({ execute: 'qmp_capabilities' });
  }

  /** Asks QEMU to end now; false where there is no connection. */
  quit(): boolean {
    return this.#send({ execute: 'quit' });
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #send(message: { execute: string }): boolean {
    if (this.#socket?.writable !== true) return false;
    this.#socket.write(`${JSON.stringify(message)}
`);
    return true;
  }

  #listen(): void {
    let rest = '';
    this.#socket?.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) rest = '';
      for (const line of lines) this.#message(line);
    });
  }

  #message(line: string): void {
    try {
      const parsed = Shutdown.safeParse(JSON.parse(line));
      if (parsed.success) this.#shutdown = parsed.data.data.reason;
    } catch {
      // QEMU writes JSON; a line that is none can't be an event.
    }
  }
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

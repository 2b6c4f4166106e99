import { z } from 'zod';
import { BuilderError } from '../error.ts';
import { LineClient } from './line-client.ts';

const Answer = z.union([
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }) }),
]);

/** QEMU's machine protocol, to ask questions. */
export class QmpQuery {
  readonly #client: LineClient;

  private constructor(client: LineClient) {
    this.#client = client;
  }

  static async open(path: string, stop: AbortSignal): Promise<QmpQuery> {
    const query = new QmpQuery(await LineClient.open(path, 'its control connection', stop));
    await query.#client.line(); // The greeting.
    await query.execute('qmp_capabilities', {}, z.unknown());
    return query;
  }

  /** What a command returns, in the shape that is expected of it. */
  async execute<T>(
    execute: string,
    args: Readonly<Record<string, unknown>>,
    shape: z.ZodType<T>,
  ): Promise<T> {
    this.#client.send(JSON.stringify({ execute, arguments: args }));
    for (;;) {
      const message: unknown = JSON.parse(await this.#client.line());
      if (typeof message === 'object' && message !== null && 'event' in message) continue;
      const answer = Answer.parse(message);
      if ('error' in answer) {
        throw new BuilderError('machine-failed', `QEMU refuses "${execute}": ${answer.error.desc}`);
      }
      return shape.parse(answer.return);
    }
  }

  close(): void {
    this.#client.close();
  }
}

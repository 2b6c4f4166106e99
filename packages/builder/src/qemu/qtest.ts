import { BuilderError } from '../error.ts';
import { LineClient } from './line-client.ts';

/**
 * QEMU's qtest protocol (docs/devel/testing/qtest.rst, system/qtest.c): reads and writes ports and memory of a machine
 * as its processor would, while the processor stands still.
 */
export class Qtest {
  readonly #client: LineClient;

  private constructor(client: LineClient) {
    this.#client = client;
  }

  static async open(path: string, stop: AbortSignal): Promise<Qtest> {
    return new Qtest(await LineClient.open(path, 'its test connection', stop));
  }

  async outb(port: number, value: number): Promise<void> {
    await this.#command(`outb 0x${port.toString(16)} 0x${value.toString(16)}`);
  }

  async outl(port: number, value: number): Promise<void> {
    await this.#command(`outl 0x${port.toString(16)} 0x${(value >>> 0).toString(16)}`);
  }

  async inl(port: number): Promise<number> {
    return Number(await this.#command(`inl 0x${port.toString(16)}`)) >>> 0;
  }

  async readMemory(address: number, length: number): Promise<Uint8Array> {
    const text = await this.#command(`b64read 0x${address.toString(16)} 0x${length.toString(16)}`);
    const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
    if (bytes.length !== length) {
      throw new BuilderError('machine-failed', `QEMU gives ${bytes.length} of ${length} bytes of memory`);
    }
    return bytes;
  }

  async writeMemory(address: number, bytes: Uint8Array): Promise<void> {
    const data = Buffer.from(bytes).toString('base64');
    await this.#command(`b64write 0x${address.toString(16)} 0x${bytes.length.toString(16)} ${data}`);
  }

  close(): void {
    this.#client.close();
  }

  /** The answer's value; empty where there is none. */
  async #command(line: string): Promise<string> {
    this.#client.send(line);
    const answer = await this.#client.line();
    const [status, value = ''] = answer.split(' ');
    if (status !== 'OK') {
      throw new BuilderError(
        'machine-failed',
        `QEMU refuses "${line.slice(0, 80)}": ${answer.slice(0, 200)}`,
      );
    }
    return value;
  }
}

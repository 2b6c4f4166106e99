import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { QmpQuery } from '../../src/qemu/qmp-query.ts';
import { Qtest } from '../../src/qemu/qtest.ts';
import { tempFolder } from '../temp.ts';

const never = new AbortController().signal;
let server: Server | undefined;

/** Answers each line with what the table says; greets with `greeting`. */
function listen(path: string, answers: Readonly<Record<string, string>>, greeting = ''): Promise<void> {
  server = createServer((socket) => {
    socket.write(greeting);
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      for (const line of chunk.split('\n').filter(Boolean)) {
        const answer = answers[line];
        if (answer === undefined) socket.destroy();
        else socket.write(answer);
      }
    });
    socket.on('error', () => {});
  });
  return new Promise((resolve) => server?.listen(path, resolve));
}

afterEach(() => server?.close());

describe('Qtest', () => {
  it('reads ports and memory', async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, 's');
    await listen(path, { 'inl 0xcfc': 'OK 0xffffffff\n', 'b64read 0x10 0x3': 'OK AQID\n' });
    const qtest = await Qtest.open(path, never);
    expect(await qtest.inl(0xcfc)).toBe(0xffffffff);
    expect(await qtest.readMemory(0x10, 3)).toEqual(Uint8Array.of(1, 2, 3));
    qtest.close();
  });

  it('turns a refusal, a wrong length and an end into a failed machine', async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, 's');
    await listen(path, { 'inl 0x1': 'FAIL Unknown\n', 'b64read 0x0 0x4': 'OK AQI=\n' });
    const qtest = await Qtest.open(path, never);
    await expect(qtest.inl(1)).rejects.toMatchObject({ code: 'machine-failed' });
    await expect(qtest.readMemory(0, 4)).rejects.toThrow('2 of 4 bytes');
    await expect(qtest.inl(2)).rejects.toThrow('the connection ended');
  });

  it('gives up where nobody listens', async () => {
    await using folder = await tempFolder();
    await expect(Qtest.open(join(folder.path, 's'), AbortSignal.timeout(20))).rejects.toThrow(
      'nobody listens',
    );
  });
});

describe('QmpQuery', () => {
  it('skips events and names an error', async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, 's');
    const get = '{"execute":"qom-get","arguments":{"property":"a"}}';
    const bad = '{"execute":"x","arguments":{}}';
    await listen(
      path,
      {
        '{"execute":"qmp_capabilities","arguments":{}}': '{"return":{}}\n',
        [get]: '{"event":"RESUME"}\n{"return":40}\n',
        [bad]: '{"error":{"class":"CommandNotFound","desc":"no such command"}}\n',
      },
      '{"QMP":{}}\n',
    );
    const qmp = await QmpQuery.open(path, never);
    expect(await qmp.execute('qom-get', { property: 'a' }, z.int())).toBe(40);
    await expect(qmp.execute('x', {}, z.unknown())).rejects.toThrow('no such command');
    qmp.close();
  });
});

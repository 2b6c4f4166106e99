import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Qmp } from '../../src/run/qmp.ts';
import { tempFolder } from '../temp.ts';

describe('Qmp', () => {
  it('waits for the socket, negotiates, keeps the reason of a shutdown and can ask for one', async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, 'qmp.sock');
    const qmp = new Qmp();
    const opening = qmp.open(path);
    await delay(120);
    const received: string[] = [];
    let peer: Socket | undefined;
    const server = createServer((socket) => {
      peer = socket;
      socket.setEncoding('utf8').on('data', (text) => received.push(String(text)));
      socket.write('{"QMP": {"version": {}}}\r\n');
    }).listen(path);
    try {
      await opening;
      expect(qmp.quit()).toBe(true);
      peer?.write('no json\n{"event": "RESET"}\n{"event": "SHUTDOWN", "data": {"guest": true, ');
      peer?.write('"reason": "guest-shutdown"}}\n');
      await expect.poll(() => qmp.shutdownReason).toBe('guest-shutdown');
      await expect.poll(() => received.join('')).toContain('{"execute":"quit"}');
      expect(received.join('')).toMatch(/^\{"execute":"qmp_capabilities"\}/);
    } finally {
      qmp.close();
      peer?.destroy();
      server.close();
    }
  });

  it('gives up when it is closed before QEMU listens', async () => {
    const qmp = new Qmp();
    const opening = qmp.open('/nonexistent/qmp.sock');
    expect(qmp.quit()).toBe(false);
    qmp.close();
    await opening;
  });
});

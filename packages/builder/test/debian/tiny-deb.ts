import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

/** A Debian package, deb(5), with these files (path → content) in an uncompressed `data.tar`. */
export async function tinyDeb(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const data = pack();
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split('/');
    for (let at = 1; at < parts.length; at++) {
      data.entry({ name: `./${parts.slice(0, at).join('/')}/`, type: 'directory', mode: 0o755 });
    }
    data.entry({ name: `./${path}`, mode: 0o755 }, content);
  }
  data.finalize();
  const control = pack();
  control.finalize();
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    member('debian-binary', Buffer.from('2.0\n')),
    member('control.tar', await buffer(control)),
    member('data.tar', await buffer(data)),
  ]);
}

function member(name: string, content: Buffer): Buffer {
  const header = [name.padEnd(16), '0'.padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)];
  const size = String(content.length).padEnd(10);
  const padding = content.length % 2 === 0 ? '' : '\n';
  return Buffer.concat([Buffer.from(`${header.join('')}${size}\`\n`), content, Buffer.from(padding)]);
}

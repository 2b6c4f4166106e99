import { type Answer, serve, startServer, status, type TestServer } from '../fetch/test-server.ts';

/** What a mirror answers, by path below its root (`debian/dists/…`); anything else is 404. */
export type MirrorFiles = ReadonlyMap<string, Uint8Array | Answer>;

/** A mirror of a hand-made archive; `asked` lists the paths in the order of the requests. */
export interface Mirror extends TestServer {
  readonly asked: string[];
}

export async function startMirror(files: MirrorFiles): Promise<Mirror> {
  const asked: string[] = [];
  const server = await startServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1));
    asked.push(path);
    const found = files.get(path);
    const answer = typeof found === 'function' ? found : found === undefined ? status(404) : serve(found);
    answer(request, response);
  });
  return Object.assign(server, { asked });
}

/** The same files below a folder of the mirror. */
export function below(
  folder: string,
  files: ReadonlyMap<string, Uint8Array | Answer>,
): Map<string, Uint8Array | Answer> {
  return new Map([...files].map(([path, content]) => [`${folder}/${path}`, content]));
}

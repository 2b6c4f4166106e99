import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// In the workspace `kernels/` stands at the top; a published package carries it beside `dist/`.
const candidates = ['../../../../kernels/', '../../kernels/'];

/** The folder that has one folder of fragments for each kernel line. */
export function kernelsDir(): string {
  const paths = candidates.map((relative) => fileURLToPath(new URL(relative, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? paths[0] ?? '';
}

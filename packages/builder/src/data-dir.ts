import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * From where this module is to the folder that holds the product's data: in the workspace their folders stand at the top
 * (above `packages/builder/src`, its `dist`, or the bundle in `packages/cli/dist`); a published package carries them
 * beside its `dist`.
 */
const CANDIDATES = ['../../../', '../'];

/** The folder of data that the product brings along: `kernels` (fragments by line), `guest` (sources of PID 1), or `nix` (the derivation of a step). */
export function dataDir(name: 'kernels' | 'guest' | 'nix'): string {
  const paths = CANDIDATES.map((relative) => fileURLToPath(new URL(`${relative}${name}/`, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? paths[0] ?? '';
}

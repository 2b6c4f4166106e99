import { createRequire } from 'node:module';

const packageJson = createRequire(import.meta.url)('../package.json') as { version: string };

/** altee's own version, as its package says. */
export const version: string = packageJson.version;

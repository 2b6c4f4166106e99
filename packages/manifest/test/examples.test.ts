import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseLock, parseManifest } from '../src/index.ts';

const folder = new URL('../../../examples/', import.meta.url);

function examples(file: string): URL[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => new URL(`${entry.name}/${file}`, folder))
    .filter((url) => existsSync(url));
}

describe('every example', () => {
  test('has a manifest that parseManifest() takes', () => {
    for (const url of examples('altee.yaml')) {
      const manifest = parseManifest(readFileSync(url), url.pathname);
      expect(url.pathname).toContain(`/${manifest.name}/`);
    }
  });

  test('has a lock that parseLock() takes', () => {
    for (const url of examples('altee.lock')) parseLock(readFileSync(url, 'utf8'), url.pathname);
  });
});

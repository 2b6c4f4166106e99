import { createHash } from 'node:crypto';
import type { Manifest } from '@altee/manifest';
import { firmwareFiles, firmwareOf, type RootName, type RootRecipe, rootRecipes } from './toolchain.ts';

/** What a manifest asks of the lock; all that the lock's content depends on besides the archive and the time. */
export interface LockRequest {
  /** By root: packages wanted and dependencies left out, sorted. */
  readonly roots: Readonly<Partial<Record<RootName, RootRequest>>>;
  readonly kernel: {
    readonly line: string;
    readonly source?: { readonly url: string; readonly sha256: string };
  };
  /** Platforms whose firmware the lock pins: name → row of `firmwareFiles`. */
  readonly platforms: Readonly<Record<string, string>>;
}

export interface RootRequest {
  readonly wanted: readonly string[];
  readonly drop: readonly string[];
}

/** What a manifest asks of the lock. */
export function lockRequest(manifest: Pick<Manifest, 'app' | 'kernel' | 'platforms'>): LockRequest {
  const { kernel, guest, image, platform, app } = rootRecipes;
  const build = 'build' in manifest.app ? manifest.app.build : undefined;
  const { line, source } = manifest.kernel;
  const booted = Object.entries(manifest.platforms).filter(
    ([, platform]) => platform.firmware === 'debian' && Object.hasOwn(firmwareFiles, firmwareOf(platform)),
  );
  return {
    roots: {
      kernel: rootRequest(kernel),
      guest: rootRequest(guest),
      image: rootRequest(image),
      platform: rootRequest(platform),
      ...(build === undefined ? {} : { app: rootRequest(app, build.packages) }),
    },
    kernel: { line, ...(source === undefined ? {} : { source: { url: source.url, sha256: source.sha256 } }) },
    platforms: Object.fromEntries(booted.map(([name, platform]) => [name, firmwareOf(platform)])),
  };
}

/** The digest of a request, `sha256:…`: that of its JSON with sorted keys. */
export function requestDigest(request: LockRequest): string {
  const json = JSON.stringify(request, (_, value: unknown) =>
    value instanceof Object && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return `sha256:${createHash('sha256').update(json).digest('hex')}`;
}

/** `packages` are asked for by the user: whole, with all that they depend on. */
function rootRequest(recipe: RootRecipe, packages: readonly string[] = []): RootRequest {
  const wanted = new Set([...Object.keys(recipe.wanted), ...packages]);
  const drop = Object.keys(recipe.drop).filter((entry) => !packages.includes(entry.split('>')[0] ?? ''));
  return { wanted: [...wanted].sort(), drop: drop.sort() };
}

import { createHash } from 'node:crypto';
import { lstat, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Digest } from '@altee/manifest';
import { z } from 'zod';
import { readAtMost } from '../project.ts';
import { ifPresent } from '../store/errno.ts';
import {
  type CacheEntry,
  carriedKey,
  carriedKinds,
  entryName,
  invalidCache,
  MOST_ENTRIES,
  MOST_JSON_BYTES,
} from './cache-entry.ts';
import type { CacheBlob, CacheReader } from './cache-format.ts';

/** OCI Image Layout Specification 1.0, "oci-layout file". */
export const LAYOUT_FILE = 'oci-layout';
const LAYOUT = { imageLayoutVersion: '1.0.0' };

/** OCI Image Format Specification 1.0, "OCI Image Media Types". */
const TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  tar: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** The tag of the index that lists all entries; OCI Image Specification, "Pre-Defined Annotation Keys". */
const REF_NAME = 'org.opencontainers.image.ref.name';
const CACHE_REF = 'altee-cache';

/** Labels of an entry's image. */
const LABELS = { kind: 'altee.cache.kind', key: 'altee.cache.key', digest: 'altee.cache.digest' } as const;

/** Lists in lists: what others add around ours. */
const MOST_DEPTH = 3;

const descriptor = z.object({
  mediaType: z.string(),
  digest: sha256Digest,
  size: z.int().nonnegative(),
});
const index = z.object({ schemaVersion: z.literal(2), manifests: z.array(descriptor).max(MOST_ENTRIES) });
const manifest = z.object({
  schemaVersion: z.literal(2),
  config: descriptor,
  layers: z.array(descriptor).length(1),
});
const config = z.object({
  config: z.object({
    Labels: z.object({
      [LABELS.kind]: z.enum(carriedKinds),
      [LABELS.key]: carriedKey,
      [LABELS.digest]: sha256Digest,
    }),
  }),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(sha256Digest).length(1) }),
});

/**
 * Writes an OCI image layout: each entry is an image of one layer, whose labels say what it is, and one index with the
 * tag `altee-cache` lists them. The same entries give the same bytes.
 */
export async function writeOciFormat(
  folder: string,
  entries: readonly { readonly entry: CacheEntry; readonly tar: string }[],
): Promise<void> {
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true, mode: 0o755 });
  const addJson = async (mediaType: string, value: unknown) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const manifests = [];
  for (const { entry, tar } of entries) {
    await rename(tar, join(blobs, hexOf(entry.tar.sha256)));
    const image = await addJson(TYPES.config, {
      architecture: 'amd64',
      os: 'linux',
      config: {
        Labels: { [LABELS.kind]: entry.kind, [LABELS.key]: entry.key, [LABELS.digest]: entry.digest },
      },
      rootfs: { type: 'layers', diff_ids: [entry.tar.sha256] },
    });
    const layer = { mediaType: TYPES.tar, digest: entry.tar.sha256, size: entry.tar.size };
    const described = { schemaVersion: 2, mediaType: TYPES.manifest, config: image, layers: [layer] };
    manifests.push({
      ...(await addJson(TYPES.manifest, described)),
      platform: { architecture: 'amd64', os: 'linux' },
      annotations: { [REF_NAME]: entryName(entry) },
    });
  }
  const all = await addJson(TYPES.index, { schemaVersion: 2, mediaType: TYPES.index, manifests });
  const top = { ...all, annotations: { [REF_NAME]: CACHE_REF } };
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType: TYPES.index, manifests: [top] }),
  );
  await writeFile(join(folder, LAYOUT_FILE), JSON.stringify(LAYOUT));
}

/**
 * Reads an OCI image layout, also one that a registry's tools copied (compressed layers, blobs of others beside ours).
 * Every JSON document on the way is verified by its digest. Throws `bundle-invalid`.
 */
export async function readOciFormat(path: string): Promise<CacheReader> {
  const top = parse(path, index, 'index.json', await readBounded(path, 'index.json'));
  const blobs = new Map<string, CacheBlob>();
  const visit = async (descriptors: readonly z.infer<typeof descriptor>[], depth: number): Promise<void> => {
    if (depth > MOST_DEPTH) throw invalidCache(path, 'its indexes are nested too deeply');
    for (const each of descriptors) {
      if (each.mediaType === TYPES.index) {
        await visit((await readJson(path, index, each)).manifests, depth + 1);
      } else if (each.mediaType === TYPES.manifest) {
        const blob = await readEntry(path, each);
        blobs.set(entryName(blob.entry), sameOrThrow(path, blobs.get(entryName(blob.entry)), blob));
        if (blobs.size > MOST_ENTRIES) throw invalidCache(path, `it has more than ${MOST_ENTRIES} entries`);
      } else
        throw invalidCache(
          path,
          `it lists something of the type ${JSON.stringify(each.mediaType.slice(0, 100))}`,
        );
    }
  };
  await visit(top.manifests, 1);
  return { blobs: [...blobs.values()] };
}

async function readEntry(path: string, found: z.infer<typeof descriptor>): Promise<CacheBlob> {
  const image = await readJson(path, manifest, found);
  const { config: described, rootfs } = await readJson(path, config, image.config);
  const [layer] = image.layers;
  const [diffId] = rootfs.diff_ids;
  if (layer === undefined || diffId === undefined) throw invalidCache(path, `${found.digest} has no layer`);
  const gzip = layer.mediaType === TYPES.gzip;
  if (!gzip && layer.mediaType !== TYPES.tar)
    throw invalidCache(
      path,
      `${found.digest} has a layer of the type ${JSON.stringify(layer.mediaType.slice(0, 100))}`,
    );
  const place = blobPath(path, layer.digest);
  const stat = await ifPresent(lstat(place));
  if (!stat?.isFile()) throw invalidCache(path, `it lacks the blob ${layer.digest}`);
  if (stat.size !== layer.size)
    throw invalidCache(path, `the blob ${layer.digest} has ${stat.size} bytes instead of ${layer.size}`);
  const labels = described.Labels;
  const entry = { kind: labels[LABELS.kind], key: labels[LABELS.key], digest: labels[LABELS.digest] };
  return { entry, tarSha256: diffId, path: place, sha256: layer.digest, size: layer.size, gzip };
}

function sameOrThrow(path: string, known: CacheBlob | undefined, found: CacheBlob): CacheBlob {
  if (known !== undefined && known.entry.digest !== found.entry.digest)
    throw invalidCache(path, `it holds ${entryName(found.entry)} twice, with different content`);
  return known ?? found;
}

async function readJson<T>(
  path: string,
  schema: z.ZodType<T>,
  { digest, size }: z.infer<typeof descriptor>,
): Promise<T> {
  const bytes = await readBounded(path, `blobs/sha256/${hexOf(digest)}`);
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (bytes.length !== size || found !== digest)
    throw invalidCache(path, `the blob ${digest} has other bytes`);
  return parse(path, schema, digest, bytes);
}

async function readBounded(path: string, name: string): Promise<Uint8Array> {
  const place = join(path, name);
  if (!(await ifPresent(lstat(place)))?.isFile()) throw invalidCache(path, `it lacks "${name}"`);
  const bytes = await readAtMost(place, MOST_JSON_BYTES + 1);
  if (bytes.length > MOST_JSON_BYTES) throw invalidCache(path, `"${name}" is too large`);
  return bytes;
}

function parse<T>(path: string, schema: z.ZodType<T>, name: string, bytes: Uint8Array): T {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw invalidCache(path, `"${name}" is no JSON`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw invalidCache(path, `"${name}" is not of a cache of altee's`, { details });
}

function blobPath(path: string, digest: string): string {
  return join(path, 'blobs/sha256', hexOf(digest));
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}

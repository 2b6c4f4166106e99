export * from './lock.ts';
export type { App } from './schema/app.ts';
export type { Input } from './schema/input.ts';
export type { Hardening, Kernel } from './schema/kernel.ts';
export { type Manifest, type ManifestInput, manifestSchema } from './schema/manifest.ts';
export type { Network } from './schema/network.ts';
export type { Platform, PlatformKind } from './schema/platform.ts';

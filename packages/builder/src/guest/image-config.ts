import { lstat } from 'node:fs/promises';
import type { Manifest } from '@altee/manifest';
import type { BuiltApp } from '../app/build-app.ts';
import type { CpioEntry } from '../image/cpio-entry.ts';
import { encodeGuestConfig, type GuestFile } from './guest-config.ts';
import { exceptedSysctls } from './sysctls.ts';

/** PID 1's configuration for a manifest: `entries` are the files that it has to find in the initramfs. */
export async function imageConfig(
  manifest: Manifest,
  app: BuiltApp,
  entries: readonly CpioEntry[],
): Promise<Uint8Array> {
  const { app: settings, network, hardening } = manifest;
  return encodeGuestConfig({
    hostname: manifest.name,
    exec: `/app/${app.entrypoint}`,
    args: settings.args,
    env: settings.env,
    workdir: settings.workdir,
    uid: settings.user.uid,
    gid: settings.user.gid,
    openFiles: settings.limits.openFiles,
    processes: settings.limits.processes,
    onExit: settings.onExit,
    network,
    without: exceptedSysctls(hardening.exceptions.map(({ option }) => option)),
    files: await filesOf(entries),
  });
}

async function filesOf(entries: readonly CpioEntry[]): Promise<GuestFile[]> {
  const files = entries.filter((entry) => entry.kind === 'file');
  return Promise.all(
    files.map(async ({ path, source }) => ({
      path: `/${path}`,
      size: typeof source === 'string' ? (await lstat(source)).size : source.length,
    })),
  );
}

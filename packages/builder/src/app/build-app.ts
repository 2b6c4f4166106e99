import type { Manifest } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import type { Executor, Root } from '../executor/executor.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';
import { buildFromSource } from './source-app.ts';
import { takeStatic } from './static-app.ts';

export interface AppContext {
  readonly executor: Executor;
  readonly store: Store;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

export interface AppInput {
  readonly app: Manifest['app'];
  /** The manifest's folder. */
  readonly folder: string;
  /** The lock's root `app`; only where the application is built. */
  readonly root: Root | undefined;
}

/** What goes below `/app` in the image. */
export interface BuiltApp {
  /** A folder in the store. */
  readonly folder: string;
  /** The executable, relative to `folder`. */
  readonly entrypoint: string;
}

/**
 * Builds the application or takes the given executable; either is checked to be one that the image can run.
 * Throws `app-unusable`, `invalid-input`, and what steps throw.
 */
export async function buildApp(context: AppContext, { app, folder, root }: AppInput): Promise<BuiltApp> {
  if (app.static) return takeStatic(context.store, app.static, folder);
  if (app.build) {
    if (root) return buildFromSource(context, app.build, { folder, root });
    throw new BuilderError('lock-invalid', 'The lock has no root "app", in which the application is built', {
      hint: 'Run "altee lock"',
    });
  }
  const kind = (['rootfs', 'oci', 'dockerfile'] as const).find((name) => app[name] !== undefined);
  throw new BuilderError('invalid-input', `"app.${kind}" is not supported yet`, {
    hint: 'Use "app.static" with a static executable, or "app.build" with a recipe',
  });
}

import type { Executor, Root } from '../executor/executor.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';

/** What assembling an image needs: the root is the lock's `image`. */
export interface ImageContext {
  readonly executor: Executor;
  readonly store: Store;
  readonly root: Root;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** Options of `runStep`. */
export function stepOptions({ reporter, signal }: ImageContext): {
  reporter: Reporter;
  signal?: AbortSignal;
} {
  return signal === undefined ? { reporter } : { reporter, signal };
}

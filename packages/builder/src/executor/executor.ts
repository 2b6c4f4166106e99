/** A read-only root file system in the store, named by its digest. */
export interface Root {
  readonly digest: string;
  readonly path: string;
}

/** A file or folder that a step may read at `/src/<name>`; `digest` identifies its content. */
export interface StepInput {
  readonly path: string;
  readonly digest: string;
}

/** Bounds of a step; a step that passes one is killed and fails with `step-limit`. */
export interface StepLimits {
  readonly seconds: number;
  readonly outputBytes: number;
  readonly processes: number;
}

/**
 * One hermetic build step: a shell script in a pinned root.
 *
 * The script runs under `sh -eu` as uid 1000 with an empty capability set and no network. It sees the root
 * read-only, `/src/<input>` read-only, `/build` (its working folder, empty) and `$OUT` (`/out`) writable, a
 * `/tmp` of its own, the host name `altee`, TZ=UTC, LC_ALL=C, umask 022, SOURCE_DATE_EPOCH, HOME=/build and
 * `$JOBS` (the number of jobs; must not influence the result).
 */
export interface Step {
  readonly name: string;
  readonly root: Root;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, StepInput>>;
  readonly limits: StepLimits;
}

export interface StepIo {
  /** An empty folder, writable; what the step leaves in `$OUT`. */
  readonly outDir: string;
  /** An empty folder, writable; the step's `/build`. */
  readonly workDir: string;
  /** All output of the step is appended here. */
  readonly logFile: string;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Runs steps. All executors give the same bytes for the same step; a difference is a bug. */
export interface Executor {
  readonly name: 'sandbox' | 'docker' | 'nix';
  /** Throws `sandbox-unavailable`, naming the cause and the way out, where steps can't run here. */
  check(root: Root): Promise<void>;
  /** Throws `step-failed` (command, exit code, last lines) or `step-limit`. */
  execute(step: Step, io: StepIo): Promise<void>;
}

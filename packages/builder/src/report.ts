/** One unit of work that a person may be waiting for. */
export interface Task {
  /** How far it is; `total` is absent where it is not known. */
  progress(done: number, total?: number, unit?: 'bytes' | 'items'): void;
  /** A line of output of the tool at work; shown only when asked for or on failure. */
  output(line: string): void;
  /** It ended well; `detail` is a short result ("73 packages, 103 MB"). */
  done(detail?: string): void;
}

/** What the builder tells while it works. The CLI draws it; tests use {@link silentReporter}. */
export interface Reporter {
  start(title: string): Task;
  /** Something the user should know that is no failure. */
  warn(text: string): void;
}

const silentTask: Task = { progress() {}, output() {}, done() {} };

/** Says nothing. */
export const silentReporter: Reporter = { start: () => silentTask, warn() {} };

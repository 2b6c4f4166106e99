import { printable, type Reporter, type Task } from '@altee/builder';
import { styler } from './style.ts';
import { formatBytes, formatDuration } from './terminal-text.ts';

/** Work shorter than this is not worth a line where nobody watches. */
const SLOW_MS = 2000;
/** Where output is piped, a sign of life this often. */
const HEARTBEAT_MS = 60_000;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export interface ReporterOptions {
  readonly stream: NodeJS.WriteStream;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

interface Running {
  readonly title: string;
  readonly since: number;
  detail: string;
}

/** Draws the builder's tasks: live lines on a terminal, one line for each slow task elsewhere. */
export class TerminalReporter implements Reporter {
  readonly #options: ReporterOptions;
  readonly #paint: ReturnType<typeof styler>;
  readonly #running = new Set<Running>();
  readonly #live: boolean;
  #drawnLines = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#paint = styler(options.stream);
    this.#live = options.stream.isTTY === true && !options.quiet && !options.verbose;
  }

  start(name: string): Task {
    // Names of roots and versions come from the lock.
    const title = printable(name);
    const running: Running = { title, since: Date.now(), detail: '' };
    this.#running.add(running);
    this.#startTimer();
    const heartbeat = this.#live ? undefined : setInterval(() => this.#heartbeat(running), HEARTBEAT_MS);
    heartbeat?.unref();
    return {
      progress: (done, total, unit = 'items') => {
        const show = unit === 'bytes' ? formatBytes : String;
        running.detail = total === undefined ? show(done) : `${show(done)} of ${show(total)}`;
      },
      output: (line) => {
        running.detail = printable(line).trim();
        if (this.#options.verbose) this.#print(this.#paint('dim', `  ${printable(line)}`));
      },
      done: (detail) => {
        clearInterval(heartbeat);
        this.#running.delete(running);
        const elapsed = Date.now() - running.since;
        if (this.#live || this.#options.verbose || (elapsed >= SLOW_MS && !this.#options.quiet)) {
          const suffix = detail ? this.#paint('dim', ` · ${printable(detail)}`) : '';
          const time = elapsed >= 100 ? this.#paint('dim', ` · ${formatDuration(elapsed)}`) : '';
          this.#print(`${this.#paint('green', '✓')} ${title}${suffix}${time}`);
        }
        if (this.#running.size === 0) this.close();
      },
    };
  }

  warn(text: string): void {
    if (!this.#options.quiet) this.#print(`${this.#paint('yellow', '!')} ${printable(text)}`);
  }

  /** Takes the live lines off the screen; called at the end, well or not. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
  }

  #heartbeat(running: Running): void {
    if (this.#options.quiet || !this.#running.has(running)) return;
    const detail = running.detail ? ` · ${running.detail.slice(0, 60)}` : '';
    this.#print(`… ${running.title} · ${formatDuration(Date.now() - running.since)}${detail}`);
  }

  #startTimer(): void {
    if (!this.#live || this.#timer) return;
    this.#timer = setInterval(() => this.#draw(), 100);
    this.#timer.unref();
  }

  #print(line: string): void {
    this.#erase();
    this.#options.stream.write(`${line}\n`);
  }

  #erase(): void {
    if (this.#drawnLines > 0) this.#options.stream.write(`\x1b[${this.#drawnLines}A\x1b[0J`);
    this.#drawnLines = 0;
  }

  #draw(): void {
    this.#erase();
    this.#frame = (this.#frame + 1) % FRAMES.length;
    const width = Math.max(20, (this.#options.stream.columns ?? 80) - 1);
    for (const { title, since, detail } of this.#running) {
      const time = formatDuration(Date.now() - since);
      const text = `${FRAMES[this.#frame]} ${title} · ${time}${detail ? ` · ${detail}` : ''}`;
      this.#options.stream.write(`${text.length > width ? `${text.slice(0, width - 1)}…` : text}\n`);
      this.#drawnLines++;
    }
  }
}

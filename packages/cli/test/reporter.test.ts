import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TerminalReporter } from '../src/report/reporter.ts';

/** A stream that remembers what was written, and what of it a terminal would still show. */
class FakeStream {
  readonly isTTY: boolean;
  readonly columns = 40;
  written = '';
  /** Every picture that the terminal showed. */
  readonly screens: string[] = [];
  screen = '';

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.written += text;
    // The only sequence that the reporter may use: up so many lines, then erase to the end of the screen.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what a terminal reads
    for (const [, up, plain] of text.matchAll(/\x1b\[(\d+)A\x1b\[0J|([^\x1b]+|\x1b\[[\d;]*m)/g)) {
      if (plain !== undefined) this.screen += plain;
      else
        this.screen = this.screen
          .split('\n')
          .slice(0, -1 - Number(up))
          .map((line) => `${line}\n`)
          .join('');
    }
    this.screens.push(this.screen);
    return true;
  }
}

function reporterOn(stream: FakeStream, options: { verbose?: boolean; quiet?: boolean } = {}) {
  return new TerminalReporter({
    stream: stream as unknown as NodeJS.WriteStream,
    verbose: options.verbose === true,
    quiet: options.quiet === true,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubEnv('NO_COLOR', '1');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('TerminalReporter where output is piped', () => {
  it('says nothing of what is quick, and a line of what is slow', () => {
    const stream = new FakeStream(false);
    const reporter = reporterOn(stream);
    const quick = reporter.start('quick');
    vi.advanceTimersByTime(1999);
    quick.done();
    expect(stream.written).toBe('');
    const slow = reporter.start('slow');
    slow.progress(1, 2, 'bytes');
    slow.output('gcc …');
    vi.advanceTimersByTime(3000);
    slow.done('7 packages');
    expect(stream.written).toBe('✓ slow · 7 packages · 3.0 s\n');
  });

  it('gives a sign of life each minute with what the tool printed last', () => {
    const stream = new FakeStream(false);
    const task = reporterOn(stream).start('kernel-build');
    vi.advanceTimersByTime(59_000);
    expect(stream.written).toBe('');
    task.output('CC fs/open.o');
    vi.advanceTimersByTime(61_000);
    expect(stream.written.split('\n')).toEqual([
      '… kernel-build · 1 min 00 s · CC fs/open.o',
      '… kernel-build · 2 min 00 s · CC fs/open.o',
      '',
    ]);
    task.done();
    const { length } = stream.written;
    vi.advanceTimersByTime(120_000);
    expect(stream.written).toHaveLength(length);
  });

  it('writes no escape sequence', () => {
    vi.stubEnv('NO_COLOR', '');
    const stream = new FakeStream(false);
    const reporter = reporterOn(stream);
    reporter.warn('careful');
    const task = reporter.start('x');
    vi.advanceTimersByTime(70_000);
    task.done('y');
    reporter.close();
    expect(stream.written).not.toContain('\x1b');
    expect(stream.written).toContain('! careful\n');
  });

  it('says nothing with quiet, not even warnings', () => {
    const stream = new FakeStream(false);
    const reporter = reporterOn(stream, { quiet: true });
    reporter.warn('careful');
    const task = reporter.start('x');
    vi.advanceTimersByTime(120_000);
    task.done();
    expect(stream.written).toBe('');
  });

  it('prints what the tools print with verbose', () => {
    const stream = new FakeStream(false);
    const task = reporterOn(stream, { verbose: true }).start('x');
    task.output('\x1b[2Jgcc');
    task.done();
    expect(stream.written).toBe('  \\x1b[2Jgcc\n✓ x\n');
  });
});

describe('TerminalReporter on a terminal', () => {
  it('shows each running task on a line, and leaves only results behind', () => {
    const stream = new FakeStream(true);
    const reporter = reporterOn(stream);
    const first = reporter.start('first');
    const second = reporter.start('second');
    second.progress(1_500_000, 3_000_000, 'bytes');
    vi.advanceTimersByTime(200);
    expect(stream.screen).toMatch(/^\S first · 0\.2 s\n\S second · 0\.2 s · 1\.5 MB of 3\.0 MB\n$/);
    first.done();
    vi.advanceTimersByTime(100);
    expect(stream.screen).toMatch(/^✓ first · 0\.2 s\n\S second/);
    second.done('4 files');
    vi.advanceTimersByTime(500);
    expect(stream.screen).toBe('✓ first · 0.2 s\n✓ second · 4 files · 0.3 s\n');
  });

  it('leaves nothing behind when it is closed in the middle, as a failure does', () => {
    const stream = new FakeStream(true);
    const reporter = reporterOn(stream);
    reporter.start('fails');
    vi.advanceTimersByTime(1000);
    expect(stream.screen).toContain('fails');
    reporter.close();
    expect(stream.screen).toBe('');
    vi.advanceTimersByTime(1000);
    expect(stream.screen).toBe('');
  });

  it('puts a warning above the running tasks', () => {
    const stream = new FakeStream(true);
    const reporter = reporterOn(stream);
    reporter.start('goes on');
    vi.advanceTimersByTime(100);
    reporter.warn('careful');
    vi.advanceTimersByTime(100);
    expect(stream.screen).toMatch(/^! careful\n\S goes on/);
  });

  it('draws no line that is wider than the terminal, so that each can be erased', () => {
    const stream = new FakeStream(true);
    const task = reporterOn(stream).start('t'.repeat(30));
    task.output('o'.repeat(300));
    vi.advanceTimersByTime(100);
    expect(Math.max(...stream.screen.split('\n').map((line) => line.length))).toBeLessThan(40);
  });

  it('lets neither titles nor tools steer the terminal', () => {
    const stream = new FakeStream(true);
    const reporter = reporterOn(stream);
    const task = reporter.start('root "\x1b]0;x\x07"');
    task.output('\x1b[2J\r');
    vi.advanceTimersByTime(100);
    task.done('\x9b2J');
    reporter.warn('\x1b[H');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what may be written, and nothing else
    expect(stream.written.replaceAll(/\x1b\[\d+A\x1b\[0J/g, '')).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it('draws nothing with quiet', () => {
    const stream = new FakeStream(true);
    const task = reporterOn(stream, { quiet: true }).start('x');
    vi.advanceTimersByTime(5000);
    task.done();
    expect(stream.written).toBe('');
  });
});

describe('TerminalReporter', () => {
  it('keeps no process alive', () => {
    vi.useRealTimers();
    const made = vi.spyOn(globalThis, 'setInterval');
    const reporter = reporterOn(new FakeStream(true));
    reporter.start('x');
    reporterOn(new FakeStream(false)).start('y');
    const timers = made.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect(timers.length).toBeGreaterThan(0);
    expect(timers.map((timer) => timer.hasRef())).toEqual(timers.map(() => false));
    reporter.close();
  });
});

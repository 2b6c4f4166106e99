import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { errorText } from '../../src/report/print-error.ts';
import { TerminalReporter } from '../../src/report/reporter.ts';

const HOSTILE = '\u001b[2J\u009b1mlinux\u202e';

describe('TerminalReporter', () => {
  it.each([false, true])(
    'writes out what a title or a detail could steer a terminal with (verbose: %s)',
    (verbose) => {
      const stream = new PassThrough({ encoding: 'utf8' });
      const reporter = new TerminalReporter({
        stream: Object.assign(stream, { isTTY: !verbose }) as unknown as NodeJS.WriteStream,
        verbose,
        quiet: false,
      });
      reporter.start(`Fetch ${HOSTILE}`).done(HOSTILE);
      const shown: string = stream.read();
      expect(shown).toContain('Fetch \\x1b[2J\\x9b1mlinux\\u202e');
      for (const steering of ['\u001b[2J', '\u009b', '\u202e']) expect(shown).not.toContain(steering);
    },
  );
});

describe('errorText()', () => {
  it('writes them out in the stack of an error too', () => {
    const shown = errorText(new Error(HOSTILE), true);
    expect(shown).toContain('terminal-safety.test.ts');
    for (const steering of ['\u001b', '\u009b', '\u202e']) expect(shown).not.toContain(steering);
  });
});

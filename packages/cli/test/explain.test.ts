import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EventLogContents,
  encodeEventLog,
  parseEventLog,
  predictedEventLog,
  predictionToJson,
  predictTpm,
  replayEventLog,
  toHex,
} from '@altee/measure';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ascii } from '../../measure/src/bytes/text.ts';
import { makeKernel, makeUki } from '../../measure/test/make-pe.ts';
import { haveVectors, vectorPath } from '../../measure/test/vectors.ts';
import { altee } from './run-altee.ts';

const image = (cmdline: string): Uint8Array =>
  makeUki('257', {
    '.osrel': ascii('ID=x'),
    '.cmdline': ascii(cmdline),
    '.initrd': ascii('i'),
    '.linux': makeKernel(),
  });
const predict = (cmdline: string) =>
  predictTpm({ uki: image(cmdline), machine: { secureBoot: 'off' }, kernel: { ima: false } });

/** The log with one event more, whose data want to steer a terminal. */
function withHostileEvent(log: Uint8Array): Uint8Array {
  const { algorithms, events } = parseEventLog(log);
  const hostile: EventLogContents['events'][number] = {
    registerIndex: 8,
    untrustedEventType: 0x0d,
    digests: new Map(algorithms.map(({ name, size }) => [name, new Uint8Array(size)])),
    untrustedData: new TextEncoder().encode('grub_cmd: \u202egone\0'),
  };
  return encodeEventLog({ algorithms, events: [...events, hostile] });
}

describe('altee explain', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'altee-explain-'));
    const log = predictedEventLog(predict('quiet'));
    const measurements = {
      apiVersion: 'altee/measurements/v1',
      image: { name: 'x', version: '1.0', sha256: `sha256:${'00'.repeat(32)}` },
      platforms: {
        lab: { kind: 'qemu-tpm', ...predictionToJson(predict('quiet')) },
        other: { kind: 'qemu-tdx', unsupported: 'No rules' },
      },
    };
    const pcrs = [...(replayEventLog(parseEventLog(log)).get('sha256') ?? [])].map(([index, value]) => [
      index,
      toHex(value),
    ]);
    await writeFile(file('log.bin'), log);
    await writeFile(file('other.bin'), predictedEventLog(predict('quiet debug')));
    await writeFile(file('hostile.bin'), withHostileEvent(log));
    await writeFile(file('cut.bin'), log.subarray(0, log.length - 5));
    await writeFile(file('measurements.json'), JSON.stringify(measurements));
    await writeFile(file('pcrs.json'), JSON.stringify({ sha256: Object.fromEntries(pcrs) }));
    await writeFile(file('wrong.json'), JSON.stringify({ sha256: { 11: '00'.repeat(32) } }));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('shows each register with its events in words, and how far they are to be trusted', async () => {
    const { exitCode, stdout } = await altee('explain', file('log.bin'));
    expect(exitCode).toBe(0);
    expect(stdout).toContain('crypto-agile event log of a TPM 2.0');
    expect(stdout).toMatch(/PCR11\n {2}sha256 [0-9a-f]{16}\n +\d+ ✓ name of section "\.linux"/);
    expect(stdout).toMatch(/· contents of section "\.linux"/);
  });

  it('exits 0 when the log is as predicted, and takes the only platform that fits', async () => {
    const { exitCode, stdout } = await altee(
      'explain',
      file('log.bin'),
      '--against',
      file('measurements.json'),
    );
    expect(stdout).toContain('Every predicted register is as predicted');
    expect(exitCode).toBe(0);
  });

  it('exits 3 and names the first event and its cause when it is not', async () => {
    const { exitCode, stdout } = await altee(
      'explain',
      file('other.bin'),
      '--against',
      file('measurements.json'),
    );
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/First difference: event \d+ of the log/);
    expect(stdout).toContain('The command line (.cmdline) is another one');
    expect(stdout).toContain('The command line is "quiet debug"; predicted was "quiet"');
  });

  it('shows values in SHA-256 where there are several banks', async () => {
    const args = ['explain', file('other.bin'), '--against', file('measurements.json')];
    const { stdout } = await altee(...args);
    expect(stdout).toMatch(/sha256 predicted [0-9a-f]{64}\n +log +[0-9a-f]{64}/);
    expect(stdout).not.toMatch(/sha(1|384|512) +predicted/);
    expect((await altee(...args, '--full')).stdout).toMatch(/sha512 predicted [0-9a-f]{128}/);
  });

  it('gives the same as JSON, and as a page', async () => {
    const args = [
      'explain',
      file('other.bin'),
      '--against',
      file('measurements.json'),
      '--html',
      file('page.html'),
      '--json',
    ];
    const { exitCode, stdout } = await altee(...args);
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'tcg2',
      comparison: { isEqual: false, first: { cause: { code: 'command-line' } } },
    });
    expect(await readFile(file('page.html'), 'utf8')).toContain('First difference');
  });

  it('compares with values that were read', async () => {
    expect((await altee('explain', file('log.bin'), '--pcrs', file('pcrs.json'))).exitCode).toBe(0);
    const wrong = await altee('explain', file('log.bin'), '--pcrs', file('wrong.json'));
    expect(wrong.exitCode).toBe(3);
    expect(wrong.stdout).toContain('The log does not give 1 of 1 values that were read');
  });

  it('writes out what would steer a terminal', async () => {
    for (const args of [[], ['--json'], ['--against', file('measurements.json'), '--events']]) {
      const { stdout } = await altee('explain', file('hostile.bin'), ...args);
      expect(stdout).toContain('gone');
      expect(stdout).toMatch(/\\u202egone/);
      expect(stdout.includes('\u202e')).toBe(false);
    }
  });

  it('shows what can be read of a log that is cut, and exits 2', async () => {
    const { exitCode, stdout } = await altee('explain', file('cut.bin'));
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/The last \d+ bytes, from 0x[0-9a-f]+ on, are no event/);
  });

  it('takes a folder for the measurements in it', async () => {
    expect((await altee('explain', file('log.bin'), '--against', folder)).exitCode).toBe(0);
  });

  it('prints nothing where the page cannot be written, and never writes over an input', async () => {
    const log = await readFile(file('log.bin'));
    for (const [html, message] of [
      ['no/page.html', 'its folder is not there'],
      ['.', 'it is a folder'],
      ['log.bin', 'it was just read as an input'],
    ] as const) {
      const { exitCode, stdout, stderr } = await altee('explain', file('log.bin'), '--html', file(html));
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain(message);
    }
    expect(await readFile(file('log.bin'))).toEqual(log);
  });

  it.each(['log.bin', '--against', '--pcrs'])(
    'says in words why a file cannot be read (%s)',
    async (which) => {
      await mkdir(file('empty'), { recursive: true });
      for (const missing of ['nothing', 'empty']) {
        const args = which === 'log.bin' ? [file(missing)] : [file('log.bin'), which, file(missing)];
        const { exitCode, stderr } = await altee('explain', ...args);
        expect(exitCode).toBe(2);
        expect(stderr).toMatch(/there is no such file|it is a folder|is a folder without/);
        expect(stderr).not.toMatch(/ENOENT|EISDIR/);
      }
    },
  );

  it.each([
    ['a file that is no log', ['measurements.json'], 'Cannot read'],
    ['a file that is not there', ['nothing.bin'], 'Cannot read'],
    ['measurements that are none', ['log.bin', '--against', 'log.bin'], 'The measurements are no JSON'],
    [
      'a platform without prediction',
      ['log.bin', '--against', 'measurements.json', '--platform', 'other'],
      'There is no prediction for platform "other"',
    ],
    ['a quote for a TPM’s log', ['log.bin', '--quote', 'log.bin'], 'A TDX quote holds no PCRs'],
  ])('exits 2 for %s', async (_, args, message) => {
    const paths = args.map((arg) => (/\.(bin|json)$/.test(arg) ? file(arg) : arg));
    const { exitCode, stderr } = await altee('explain', ...paths);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });
});

describe.skipIf(!haveVectors)('altee explain --quote', () => {
  const log = vectorPath('tdx/go-tdx-guest/ccel_data.dat');
  const quote = vectorPath('tdx/go-tdx-guest/cos-113-tdx-quote.dat');

  it('says that nothing of the quote was verified, and no word more than log and quote do', async () => {
    const { exitCode, stdout } = await altee('explain', log, '--quote', quote);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Nothing of the quote was verified');
    expect(stdout).toContain('The log says, and the quote agrees, that the machine has 16384 MiB of RAM');
  });

  it('says no to a TD that its host can change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'altee-explain-'));
    try {
      const bytes = await readFile(quote);
      // TD attributes stand 120 bytes into the report, behind the header of 48; bit 0 is DEBUG (Intel TDX DCAP, A.3.2).
      bytes[168] = 1;
      await writeFile(join(folder, 'debug.bin'), bytes);
      const { exitCode, stdout } = await altee('explain', log, '--quote', join(folder, 'debug.bin'));
      expect(stdout).toMatch(/!!! DEBUG is set .* NOTHING/);
      expect(exitCode).toBe(3);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

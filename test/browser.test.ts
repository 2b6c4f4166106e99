import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAltee } from './support/altee.ts';
import { exampleFolder, exampleManifest } from './support/examples.ts';

/** Debian's package chromium; README names it as what this test alone needs. */
const CHROMIUM = process.env['ALTEE_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
if (!existsSync(CHROMIUM)) console.warn(`${CHROMIUM} is not there: the page is not tested in a browser`);

interface CliRegister {
  readonly status: string;
  readonly values: Readonly<Record<string, string>>;
}

describe.skipIf(!existsSync(CHROMIUM))('the page of @altee/measure in headless Chromium', () => {
  let folder: string;
  let browser: Browser;
  const requests: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'altee-page-'));
    const script = fileURLToPath(new URL('../packages/measure/scripts/build-demo.ts', import.meta.url));
    const node = ['--conditions=altee:source', '--import', 'tsx', script, join(folder, 'page.html')];
    await promisify(execFile)(process.execPath, node);
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Registers as the page shows them after a file was given to it. */
  async function shown(...files: string[]): Promise<Record<string, { status: string; value: string }>> {
    const page = await browser.newPage();
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(join(folder, 'page.html')).href);
    await page.setInputFiles('#files', files);
    await page.waitForSelector('[data-register]', { state: 'attached', timeout: 60_000 });
    const rows = await page.$$eval('[data-register]', (bodies) =>
      bodies.map((body) => [
        body.getAttribute('data-register') ?? '',
        { status: body.className, value: body.querySelector('td:last-child code')?.textContent ?? '' },
      ]),
    );
    await page.close();
    // A log's comparison stands before the table of its events.
    return Object.fromEntries(rows.toReversed());
  }

  it.each(['hello.efi', 'hello.disk'])('predicts of a dropped %s what the CLI predicts', async (name) => {
    await startAltee(['build', exampleManifest('hello')]).ended;
    const file = join(exampleFolder('hello'), 'dist/hello', name);
    const cli = await startAltee(['measure', '--json', file]).ended;
    expect(cli.exitCode).toBe(0);
    const { registers } = JSON.parse(cli.stdout).platforms.unknown as {
      registers: Record<string, CliRegister>;
    };
    const wanted = Object.entries(registers).map(([register, { status, values }]) => [
      register,
      { status, value: values['sha256'] ?? '' },
    ]);
    const page = await shown(file);
    expect(page).toEqual(Object.fromEntries(wanted));
    expect(page['PCR11']).toMatchObject({
      status: 'predicted',
      value: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('puts an event log beside the prediction', async () => {
    const results = join(exampleFolder('hello'), 'dist/hello');
    const files = ['measurements.json', 'eventlog/lab.bin'].map((name) => join(results, name));
    const page = await shown(...files);
    expect(page['PCR4']?.status).toBe('equal');
    expect(Object.values(page).map(({ status }) => status)).not.toContain('different');
  });

  it('asks nobody for anything', () => {
    expect(requests.filter((url) => !url.startsWith('file:'))).toEqual([]);
  });
});

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tempFolder } from '../../builder/test/temp.ts';
import { version } from '../src/version.ts';
import { altee } from './run-altee.ts';

/** Every command, with a command line that is complete as far as options matter. */
const COMMANDS = [
  ['init'],
  ['lock'],
  ['build'],
  ['run'],
  ['cache'],
  ...['show', 'prune', 'verify'].map((name) => ['cache', name]),
];

let dir: Awaited<ReturnType<typeof tempFolder>>;
beforeEach(async () => {
  dir = await tempFolder();
  vi.stubEnv('ALTEE_CACHE', join(dir.path, 'store'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await dir[Symbol.asyncDispose]();
});

describe('altee', () => {
  it.each(COMMANDS.map((command) => command.join(' ')))('%s --help shows an example', async (command) => {
    const { exitCode, stdout } = await altee(...command.split(' '), '--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`\nExamples?:\n(  altee .*\n)*  altee ${command}`));
    expect(stdout).toContain('--json');
  });

  it('--help shows the exit codes and how to begin', async () => {
    const { exitCode, stdout } = await altee('--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/altee init \S+\n {2}altee build .*\n {2}altee run /);
    expect(stdout).toContain('2 the input is invalid');
  });

  it('--version prints its version', async () => {
    expect(await altee('--version')).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    ['no command', [], 'Usage: altee'],
    ['an unknown command', ['biuld'], "unknown command 'biuld'\n(Did you mean build?)"],
    ['an unknown option', ['build', '--frozne', 'x'], "unknown option '--frozne'\n(Did you mean --frozen?)"],
    ['an unknown option of all commands', ['--nope', 'cache'], "unknown option '--nope'"],
    [
      'an unknown option of a command within a command',
      ['cache', 'show', '--nope'],
      "unknown option '--nope'",
    ],
    ['a missing argument', ['build'], "missing required argument 'manifest'"],
    ['one argument too many', ['build', 'a', 'b'], 'too many arguments'],
    [
      'an executor that there is not',
      ['build', '--executor', 'magic', 'x'],
      'The executors are sandbox, docker, nix',
    ],
    ['a timeout of zero', ['run', '--timeout', '0', 'x'], 'above 0'],
    ['a timeout that is no number', ['run', '--timeout', 'soon', 'x'], 'above 0'],
    ['an endless timeout', ['run', '--timeout', 'Infinity', 'x'], 'above 0'],
    ['a negative age', ['cache', 'prune', '--older-than', '-1'], 'above 0'],
    [
      'a vendor folder that there is not',
      ['build', '--vendor', '/nonexistent', 'x'],
      'There is no such bundle or folder',
    ],
    ['nothing to prune by', ['cache', 'prune'], 'give --older-than'],
  ])('ends with 2 and prints no result for %s', async (_what, args, message) => {
    const { exitCode, stdout, stderr } = await altee(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });

  it.each(['lock', 'build', 'run'])('%s says that there is no such manifest', async (command) => {
    const { exitCode, stdout, stderr } = await altee(command, join(dir.path, 'none.yaml'));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(
      /^error: Cannot read the manifest ".*none\.yaml": there is no such file\n {2}→ .*\n$/,
    );
  });

  it.each<[string, (path: string) => Promise<string>, string]>([
    ['a folder', async (path) => path, 'it is a folder'],
    ['a device', async () => '/dev/zero', 'it is no regular file'],
    ['a file below a file', async () => '/dev/null/altee.yaml', 'a part of its path is none'],
  ])('build refuses %s as the manifest', async (_what, make, reason) => {
    const { exitCode, stderr } = await altee('build', await make(dir.path));
    expect(exitCode).toBe(2);
    expect(stderr).toContain(reason);
  });

  it('--json prints a failure as one object, and tells the person on standard error', async () => {
    const { exitCode, stdout, stderr } = await altee('build', '--json', join(dir.path, 'none.yaml'));
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'invalid-input', hint: expect.any(String) } });
    expect(stderr).toMatch(/^error: /);
  });

  it('makes nothing for a manifest that it refuses', async () => {
    await mkdir(join(dir.path, 'store'));
    await altee('build', join(dir.path, 'none.yaml'));
    expect(await readdir(join(dir.path, 'store'))).toEqual([]);
  });

  it.each([
    ['a command', ['\u001b[31mred\nerror: x']],
    ['an option', ['explain', 'log', '--\u001b[31mred\nerror: x']],
    ['a choice', ['explain', 'log', '--bank', '\u001b[31mred\nerror: x']],
    ['a choice behind an equals sign', ['explain', 'log', '--bank=\u001b[31mred\nerror: x']],
  ])('shows %s that is wrong on one line, and nothing of it as a control', async (_, args) => {
    const { exitCode, stderr } = await altee(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('\\x1b[31mred\\x0aerror: x');
    expect(stderr.includes('\u001b')).toBe(false);
    expect(stderr).not.toMatch(/^error: x/m);
  });
});

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { encodeGuestConfig, type GuestConfig } from '../../src/guest/guest-config.ts';
import { exceptedSysctls, guestSysctls } from '../../src/guest/sysctls.ts';

const config: GuestConfig = {
  hostname: 'hello',
  exec: '/app/hello',
  args: ['--greeting', 'good day\n', ''],
  env: { LOG: 'info', EMPTY: '' },
  workdir: '/',
  uid: 1000,
  gid: 1001,
  openFiles: 1024,
  processes: 64,
  onExit: 'restart',
  network: { mode: 'static', address: '10.0.2.15/24', gateway: '10.0.2.2', dns: ['1.1.1.1', '9.9.9.9'] },
  without: ['kernel.yama.ptrace_scope'],
  files: [
    { path: '/app/hello', size: 5 },
    { path: '/app/data\\ü', size: 0 },
  ],
};

const encode = (changes: Partial<GuestConfig>): string =>
  new TextDecoder().decode(encodeGuestConfig({ ...config, ...changes }));

describe('encodeGuestConfig()', () => {
  it("writes what PID 1's own test reads", async () => {
    const source = await readFile(new URL('../../../../guest/config/parse_test.go', import.meta.url), 'utf8');
    const [, whole] = /const whole = `([^`]+)`/.exec(source) ?? [];
    expect(encode({})).toBe(whole);
  });

  it('writes no address where the network gives one', () => {
    expect(encode({ network: { mode: 'dhcp' } })).toMatch(/^network dhcp\nwithout /m);
  });

  it('keeps each setting on its line, whatever the text', () => {
    const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
    const whole = encode({ args: [] }).split('\n');
    fc.assert(
      fc.property(fc.array(text), (args) => {
        const lines = encode({ args }).split('\n');
        expect(lines.filter((line) => /^arg [^ ]+$/.test(line))).toHaveLength(args.length);
        expect(lines).toHaveLength(whole.length + args.length);
      }),
    );
  });

  it.each(['\0', 'a\0b', '\ud800', 'x\udc00y'])(
    'refuses the text %j, which no program can be given',
    (text) => {
      expect(() => encode({ args: [text] })).toThrow(BuilderError);
      expect(() => encode({ env: { NAME: text } })).toThrow(BuilderError);
    },
  );
});

describe('exceptedSysctls()', () => {
  it('knows every sysctl that PID 1 sets, and no other', async () => {
    const table = await readFile(new URL('../../../../guest/sysctl/table.go', import.meta.url), 'utf8');
    const names = [...table.matchAll(/^\t\{"([a-z0-9_.]+)", "/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(guestSysctls).toEqual(names);
  });

  it('gives the excepted ones, and passes over kernel options and parameters', () => {
    expect(exceptedSysctls(['CONFIG_IO_URING', 'kernel.kptr_restrict', 'init_on_free'])).toEqual([
      'kernel.kptr_restrict',
    ]);
  });

  it('knows that a kernel without Yama lacks its sysctl', () => {
    expect(exceptedSysctls(['CONFIG_SECURITY_YAMA'])).toEqual(['kernel.yama.ptrace_scope']);
  });
});

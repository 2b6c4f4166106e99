import { describe, expect, test } from 'vitest';
import { ManifestError, parseManifest } from '../src/index.ts';
import { errorOf, fullManifest, problemsOf, said, smallManifest } from './support/manifests.ts';

describe('parseManifest()', () => {
  test('gives what is written, with sizes as bytes', () => {
    expect(parseManifest(fullManifest, 'altee.yaml')).toEqual({
      apiVersion: 'altee/v1',
      name: 'hello',
      version: '0.1.0',
      app: {
        build: {
          packages: ['golang-go'],
          source: '.',
          run: 'go build -o "$OUT/hello" .',
          entrypoint: 'hello',
        },
        args: ['--greeting', 'hi'],
        env: { LOG: 'info' },
        user: { uid: 1000, gid: 1000 },
        workdir: '/',
        limits: { openFiles: 1024, processes: 64 },
        onExit: 'poweroff',
      },
      kernel: {
        line: 'linux-6.12',
        features: ['virtio', 'tpm', 'serial'],
        cmdline: ['quiet'],
        require: ['SECCOMP_FILTER'],
        forbid: ['DEVMEM'],
      },
      hardening: {
        exceptions: [{ option: 'CONFIG_IO_URING', reason: 'the app uses io_uring' }],
        initOnFree: true,
      },
      leaks: { exceptions: [] },
      network: { mode: 'dhcp' },
      inputs: [],
      platforms: {
        lab: {
          kind: 'qemu-tpm',
          vcpus: 2,
          memoryBytes: 2 ** 30,
          firmware: 'debian',
          secureBoot: 'off',
          snp: { cpu: 'EPYC-v4', guestFeatures: 1, kernelHashes: false },
          tdx: {},
          tpm: { interface: 'crb' },
          forward: [],
        },
      },
      outputs: ['uki', 'disk'],
    });
  });

  test('fills in every default', () => {
    const manifest = parseManifest(smallManifest, 'altee.yaml');
    expect(manifest.app.user).toEqual({ uid: 1000, gid: 1000 });
    expect(manifest.app.build).toEqual({ packages: [], source: '.', run: 'make', entrypoint: 'app' });
    expect(manifest.kernel.features).toEqual(['virtio', 'tpm', 'serial']);
    expect(manifest.hardening).toEqual({ exceptions: [], initOnFree: true });
    expect(manifest.network).toEqual({ mode: 'none' });
    expect(manifest.platforms['lab']?.memoryBytes).toBe(512 * 2 ** 20);
    expect(manifest.outputs).toEqual(['uki', 'disk']);
  });

  test('takes bytes and text, with and without a byte order mark, with either line ending', () => {
    const expected = parseManifest(smallManifest, 'altee.yaml');
    const crlf = smallManifest.replaceAll('\n', '\r\n');
    for (const text of [
      smallManifest,
      `\ufeff${smallManifest}`,
      crlf,
      `---\n${smallManifest}`,
      `${smallManifest}...\n`,
    ]) {
      expect(parseManifest(text, 'altee.yaml')).toEqual(expected);
      expect(parseManifest(new TextEncoder().encode(text), 'altee.yaml')).toEqual(expected);
    }
  });

  test('keeps tabs and line ends of a block of shell', () => {
    const text = smallManifest.replace(
      '{ run: make, entrypoint: app }',
      '\n    entrypoint: app\n    run: |\n      cat <<E\n      \ta\n      E',
    );
    expect(parseManifest(text, 'altee.yaml').app.build?.run).toBe('cat <<E\n\ta\nE\n');
  });

  test('throws every problem at once, in the order of the file', () => {
    const text = `\
apiVersion: altee/v1
name: Hello
version: 1.0
kernal: {}
app:
  build: { entrypoint: /bin/app }
  user: { uid: 0 }
network: { mode: dchp }
platforms:
  lab: { kind: qemu-tpm, memory: 512, vcpus: "2" }
`;
    expect(said(text)).toEqual([
      '2:7 "name" must be 1 to 63 lower-case letters, digits and hyphens, with a letter first and no hyphen last, not "Hello" = Write hello',
      '3:10 "version" must be text, not the number 1.0 = Quote it: "1.0"',
      '4:1 Unknown key "kernal" = Did you mean "kernel"?',
      '6:3 "app.build.run" is missing',
      `6:24 "app.build.entrypoint" must be a relative path without ".." in it, not "/bin/app" = Keep the file inside the manifest's folder: that folder is all that a rebuild elsewhere has`,
      '7:16 "app.user.uid" must not be 0: the app never runs as root = Write 1000; what needs root is done by PID 1 before the app starts',
      '8:18 "network.mode" must be "none", "dhcp" or "static", not "dchp" = Did you mean "dhcp"?',
      '10:34 "platforms.lab.memory" must be text, not the number 512 = Write the unit, such as 512KiB or 512MiB',
      '10:46 "platforms.lab.vcpus" must be a number, not "2" = Write it without quotes: 2',
    ]);
  });

  test('reports what spans fields along with what is wrong in other sections', () => {
    const text = `${smallManifest}outputs: [uki, uki]\nnetwork: { mode: none, dns: [] }\nkernel: { cmdline: [rdinit=/x] }\n`;
    expect(problemsOf(text).map(({ line }) => line)).toEqual([6, 7, 8]);
  });

  test('points at the key for an unknown key, at the parent for a missing one, at the value otherwise', () => {
    const text = `${smallManifest}network:\n  mode:   static\n  adress: 10.0.0.2/24\n`;
    expect(said(text)).toEqual([
      '6:1 "network.address" is missing',
      '8:3 Unknown key "adress" in "network" = Did you mean "address"?',
    ]);
  });

  test('gives the path of each problem as data', () => {
    const text = `${smallManifest}hardening: { exceptions: [{ option: CONFIG_X }] }\n`;
    expect(problemsOf(text)[0]?.path).toEqual(['hardening', 'exceptions', 0, 'reason']);
  });

  test.each([
    ['cmdline: [a]', 'Unknown key "cmdline"', 'It belongs in "kernel"'],
    ['vcpus: 2', 'Unknown key "vcpus"', 'It belongs in "platforms.<name>"'],
    ['Outputs: [uki]', 'Unknown key "Outputs"', 'Did you mean "outputs"?'],
    ['out-puts: [uki]', 'Unknown key "out-puts"', 'Did you mean "outputs"?'],
    ['zzzzzz: 1', 'Unknown key "zzzzzz"', 'Known here: apiVersion, name, version, app, kernel'],
    [
      'kernel: { features: virtio }',
      '"kernel.features" must be a list, not "virtio"',
      'Write a list: [virtio]',
    ],
    ['kernel:', '"kernel" is empty', 'Give it a value, or delete the key'],
    ['kernel: []', '"kernel" must be a mapping, not a list', undefined],
    ['kernel: { cmdline: [{ a: b }] }', '"kernel.cmdline[0]" must be text, not a mapping', undefined],
    ['kernel: { cmdline: ["a b"] }', 'must be one kernel parameter', 'Write a list: [a, b]'],
    [
      'kernel: { require: [FOO=y] }',
      'must be the name of a kernel configuration symbol',
      'Write FOO under "require"',
    ],
    [
      'hardening: { initOnFree: off }',
      '"hardening.initOnFree" must be true or false, not "off"',
      'Write false',
    ],
    [
      'hardening: { exceptions: [{ option: IO_URING, reason: because }] }',
      'must be CONFIG_ and a symbol',
      'Write CONFIG_IO_URING',
    ],
    ['platforms: { lab: { kind: qemu } }', '"platforms.lab.kind" must be "qemu-tpm", "qemu-tdx"', undefined],
    ['platforms: { Lab: { kind: qemu-tpm } }', 'The name "Lab" in "platforms" must be 1 to 63', undefined],
    ['platforms: { a: { kind: qemu-tpm, memory: 1GB } }', 'must be a whole number with a unit', 'Write 1GiB'],
    [
      'platforms: { a: { kind: qemu-tpm, memory: 512m } }',
      'must be a whole number with a unit',
      'Write 512MiB',
    ],
    [
      'platforms: { a: { kind: qemu-tpm, firmware: debain } }',
      'must be "debian" or a mapping with path, sha256',
      'Did you mean "debian"?',
    ],
    [
      'platforms: { a: { kind: qemu-tpm, firmware: { path: f } } }',
      '"platforms.a.firmware.sha256" is missing',
      undefined,
    ],
    [
      'platforms: { a: { kind: qemu-tpm, secureBoot: { pk: p, kek: [k], db: [d], dbx: [x] } } }',
      'Unknown key "dbx" in "platforms.a.secureBoot"',
      undefined,
    ],
    [
      'network: { mode: static, address: 10.0.2.15 }',
      'must be an IPv4 address with a prefix length',
      'Write 10.0.2.15/24',
    ],
    ['inputs: [{ name: x, kind: fwcfg }]', '"inputs[0].kind" must be', 'Did you mean "fw-cfg"?'],
    ['outputs: []', '"outputs" must have at least 1 entry', undefined],
  ])('says what is wrong with %s', (line, message, advice) => {
    const [problem] = problemsOf(`${smallManifest}${line}\n`);
    expect(problem?.message).toContain(message);
    if (advice !== undefined) expect(problem?.advice).toContain(advice);
    expect(problem?.line).toBe(6);
  });

  test.each([
    ['0'.repeat(64), 'Write sha256: before the hex digits'],
    ['12e4567890'.padEnd(64, '1'), 'Write sha256: before the hex digits'],
    ['ab'.repeat(32), `Write sha256:${'ab'.repeat(32)}`],
    [`sha256:${'AB'.repeat(32)}`, `Write sha256:${'ab'.repeat(32)}`],
    [`sha256-${'ab'.repeat(32)}`, `Write sha256:${'ab'.repeat(32)}`],
    ['sha256:abc', 'It has 3 hex digits, 64 are needed'],
  ])('refuses the digest %s and says how to write it', (digest, advice) => {
    const text = smallManifest.replace(
      'build: { run: make, entrypoint: app }',
      `static: { path: app, sha256: ${digest} }`,
    );
    const [problem, ...rest] = problemsOf(text);
    expect(rest).toEqual([]);
    expect(problem?.path).toEqual(['app', 'static', 'sha256']);
    expect(problem?.advice).toContain(advice);
  });

  test.each(['', '/a', '../a', 'a/../b', 'a/..', '..', 'a\\b', '"a\\nb"', '"a\\0"'])(
    'refuses the path %s',
    (path) => {
      const text = smallManifest.replace('entrypoint: app', `entrypoint: ${path === '' ? '""' : path}`);
      expect(problemsOf(text)[0]?.path).toEqual(['app', 'build', 'entrypoint']);
    },
  );

  test.each(['a', './a', 'a/b.c', '..a', 'a..', 'a/..b', 'ä b'])('takes the path %s', (path) => {
    const text = smallManifest.replace('entrypoint: app', `entrypoint: ${path}`);
    expect(parseManifest(text, 'altee.yaml').app.build?.entrypoint).toBe(path);
  });

  test.each([
    ['name', ['a', 'a-b', 'a1', 'a'.repeat(63)], ['A', '1a', '-a', 'a-', 'a_b', 'a.b', 'a'.repeat(64), 'ä']],
    [
      'version',
      ['1.2.3', '1.2.3-rc.1', '2026.11.21', '"1"'],
      ['v1.2.3', '1.2.3+b', '1.2.', 'a', '1.2.3-RC', '""'],
    ],
  ])('knows which %s is one', (key, good, bad) => {
    const line = new RegExp(`^${key}: .*$`, 'm');
    for (const value of good) parseManifest(smallManifest.replace(line, `${key}: ${value}`), 'altee.yaml');
    for (const value of bad)
      expect(problemsOf(smallManifest.replace(line, `${key}: ${value}`))[0]?.path).toEqual([key]);
  });

  test('takes CONFIG_ before a symbol or leaves it', () => {
    const text = `${smallManifest}kernel: { require: [CONFIG_A, B], forbid: [CONFIG_C] }\n`;
    const { require, forbid } = parseManifest(text, 'altee.yaml').kernel;
    expect({ require, forbid }).toEqual({ require: ['A', 'B'], forbid: ['C'] });
  });

  test('says how to start where there is nothing', () => {
    for (const text of ['', '\n', '# only a comment\n', '---\n']) {
      expect(said(text)).toEqual([
        expect.stringContaining('is empty = Write a manifest; "altee init" makes one'),
      ]);
    }
    expect(said('- a\n')).toEqual([
      '1:1 The document must be a mapping, not a list = Write a manifest; "altee init" makes one',
    ]);
    expect(said('hello\n')[0]).toContain('The document must be a mapping, not "hello"');
  });

  test('names the fields that every manifest has', () => {
    expect(said('{}').map((text) => text.split(' = ')[0])).toEqual([
      '1:1 "apiVersion" is missing',
      '1:1 "name" is missing',
      '1:1 "version" is missing',
      '1:1 "app" is missing',
    ]);
  });

  test('refuses another apiVersion', () => {
    expect(said(smallManifest.replace('altee/v1', 'altee/v2'))).toEqual([
      '1:13 "apiVersion" must be "altee/v1", not "altee/v2" = Did you mean "altee/v1"?',
    ]);
  });
});

describe('ManifestError', () => {
  test('format() shows place, line, caret and advice', () => {
    expect(errorOf(smallManifest.replace('entrypoint:', 'entrypont:')).format()).toBe(`\
altee.yaml:5:3: "app.build.entrypoint" is missing
 5 |   build: { run: make, entrypont: app }
   |   ^

altee.yaml:5:23: Unknown key "entrypont" in "app.build"
 5 |   build: { run: make, entrypont: app }
   |                       ^
   = Did you mean "entrypoint"?`);
  });

  test('says in its message how much is wrong', () => {
    expect(errorOf('{}').message).toBe(
      'The manifest "altee.yaml" is invalid: "apiVersion" is missing (and 3 more)',
    );
  });

  test('stands in JSON with its problems', () => {
    const error = errorOf(`${smallManifest}kernal: {}\n`);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'ManifestError',
      message: 'The manifest "altee.yaml" is invalid: Unknown key "kernal"',
      problems: [
        {
          file: 'altee.yaml',
          line: 6,
          column: 1,
          path: ['kernal'],
          message: 'Unknown key "kernal"',
          advice: 'Did you mean "kernel"?',
          sourceLine: 'kernal: {}',
          caret: 0,
        },
      ],
    });
    expect(error).toBeInstanceOf(ManifestError);
  });

  test('takes exceptions of the leak lint by kind, place and reason alone', () => {
    const exceptions = (text: string) => `${smallManifest}leaks: { exceptions: [${text}] }\n`;
    const good = exceptions('{ what: date, where: app/hello, reason: the version is a date }');
    expect(parseManifest(good, 'altee.yaml').leaks.exceptions).toEqual([
      { what: 'date', where: 'app/hello', reason: 'the version is a date' },
    ]);
    for (const bad of [
      '{ what: date, where: app/hello }',
      '{ what: dates, where: app/hello, reason: the version is a date }',
      '{ what: date, where: "", reason: the version is a date }',
      '{ what: date, where: app/hello, reason: no }',
    ])
      expect(errorOf(exceptions(bad))).toBeInstanceOf(ManifestError);
  });
});

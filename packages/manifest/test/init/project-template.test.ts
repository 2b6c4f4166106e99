import { describe, expect, test } from 'vitest';
import { ManifestError, parseManifest, projectTemplate } from '../../src/index.ts';
import { jsonSchemaText } from '../../src/json-schema.ts';

const sha256 = `sha256:${'ab'.repeat(32)}`;

function contentOf(files: readonly { path: string; content: string }[], path: string): string {
  const file = files.find((one) => one.path === path);
  if (file === undefined) throw new Error(`There is no ${path}`);
  return file.content;
}

describe('projectTemplate()', () => {
  test('makes a Go project whose manifest parses', () => {
    const files = projectTemplate({ name: 'signer', kind: 'build' });
    expect(files.map(({ path }) => path)).toEqual([
      'altee.yaml',
      '.altee/altee.schema.json',
      '.gitignore',
      'src/main.go',
    ]);
    const { name, app } = parseManifest(contentOf(files, 'altee.yaml'), 'altee.yaml');
    expect(name).toBe('signer');
    expect(app.build?.entrypoint).toBe('signer');
    expect(app.build?.run).toBe(
      `GOCACHE="$CACHE" GO111MODULE=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$OUT/signer" .`,
    );
    expect(contentOf(files, 'src/main.go')).toContain('func main() {\n\tfmt.Println("Hello from signer")');
    expect(contentOf(files, '.gitignore')).toBe('dist/\n');
  });

  test('compiles ahead exactly what the program imports', () => {
    const files = projectTemplate({ name: 'signer', kind: 'build' });
    const [, imports = ''] = /import \(\n([^)]*)\)/.exec(contentOf(files, 'src/main.go')) ?? [];
    const names = [...imports.matchAll(/"(.*)"/g)].map(([, one]) => one);
    const { app } = parseManifest(contentOf(files, 'altee.yaml'), 'altee.yaml');
    expect(app.build?.prepare).toMatch(new RegExp(` -trimpath ${names.join(' ')}$`));
  });

  test('makes a manifest for a static executable', () => {
    for (const path of ['./signer', 'bin/my app: x', '"quoted"', '#a', '- a', 'true', 'ä']) {
      const files = projectTemplate({ name: 'signer', kind: 'static', path, sha256 });
      expect(files.map((file) => file.path)).toEqual([
        'altee.yaml',
        '.altee/altee.schema.json',
        '.gitignore',
      ]);
      expect(parseManifest(contentOf(files, 'altee.yaml'), 'altee.yaml').app).toMatchObject({
        static: { path, sha256 },
        args: [],
        env: {},
      });
    }
  });

  test('begins with the line by which editors find the schema, which is among the files', () => {
    const files = projectTemplate({ name: 'signer', kind: 'build' });
    const [first] = contentOf(files, 'altee.yaml').split('\n');
    const [, path = ''] = /^# yaml-language-server: \$schema=\.\/(.*)$/.exec(first ?? '') ?? [];
    expect(contentOf(files, path)).toBe(jsonSchemaText());
  });

  test('writes the defaults, but for the comments', () => {
    const files = projectTemplate({ name: 'signer', kind: 'static', path: 'a', sha256 });
    const least = `apiVersion: altee/v1\nname: signer\nversion: 0.1.0\napp: { static: { path: a, sha256: ${sha256} } }\nkernel: { cmdline: [quiet] }\n`;
    expect(parseManifest(contentOf(files, 'altee.yaml'), 'a')).toEqual(parseManifest(least, 'a'));
  });

  test.each(['', 'Signer', 'x\nevil: true', '$(reboot)', '"', 'a'.repeat(64)])(
    'refuses the name %j, once',
    (name) => {
      for (const options of [
        { name, kind: 'build' as const },
        { name, kind: 'static' as const, path: 'a', sha256 },
      ]) {
        try {
          projectTemplate(options);
          expect.unreachable();
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
          expect((error as ManifestError).problems.map(({ path }) => path)).toEqual([['name']]);
        }
      }
    },
  );

  test('refuses a path out of the folder and a wrong digest', () => {
    expect(() => projectTemplate({ name: 'a', kind: 'static', path: '../a', sha256 })).toThrow(ManifestError);
    expect(() => projectTemplate({ name: 'a', kind: 'static', path: 'a', sha256: 'x' })).toThrow(
      ManifestError,
    );
  });
});

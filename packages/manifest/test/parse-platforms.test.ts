import { describe, expect, it } from 'vitest';
import { ManifestError, parsePlatforms } from '../src/index.ts';

function problems(text: string): string[] {
  try {
    parsePlatforms(text, 'platforms.yaml');
  } catch (error) {
    if (error instanceof ManifestError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

describe('parsePlatforms()', () => {
  it('reads a file with platforms alone, with every default filled in', () => {
    const { platforms } = parsePlatforms(
      'apiVersion: altee/v1\nplatforms:\n  lab: { kind: qemu-tpm, memory: 2GiB }\n',
      'platforms.yaml',
    );
    expect(platforms).toMatchObject({ lab: { kind: 'qemu-tpm', vcpus: 1, memoryBytes: 2 ** 31 } });
  });

  it('reads the platforms of a manifest', () => {
    const manifest = `apiVersion: altee/v1
name: hello
version: 0.1.0
app: { static: { path: hello, sha256: "sha256:${'0'.repeat(64)}" } }
kernel: { line: linux-6.12 }
network: { mode: none }
platforms: { lab: { kind: qemu-tpm } }
`;
    const { name, platforms } = parsePlatforms(manifest, 'altee.yaml');
    expect(name).toBe('hello');
    expect(Object.keys(platforms)).toEqual(['lab']);
  });

  it('applies the rules about platforms', () => {
    expect(problems('apiVersion: altee/v1\nplatforms:\n  lab: { kind: reference-log, vcpus: 2 }\n')).toEqual([
      '"platforms.lab.log" is missing',
      'A platform of kind "reference-log" has no "vcpus"',
    ]);
  });

  it.each([
    ['', 'The document is empty'],
    ['apiVersion: altee/v1\n', '"platforms" is missing'],
    ['apiVersion: altee/v1\nplatforms: {}\nextra: 1\n', 'Unknown key "extra"'],
    ['[]', 'The document must be a mapping, not a list'],
  ])('refuses %j', (text, message) => {
    expect(problems(text)).toContain(message);
  });
});

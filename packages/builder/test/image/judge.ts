import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** An outside program that judges what we wrote. */
export interface Judge {
  run(
    args: readonly string[],
    options?: { cwd?: string; input?: Uint8Array },
  ): Promise<{ code: number; text: string }>;
}

const loader = 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2';
const folders = ['usr/bin', 'usr/sbin', 'bin', 'sbin'];

/**
 * The program of that name from the machine, or else from the unpacked Debian root that ALTEE_TEST_ROOT names;
 * undefined where there is none, and the test is skipped.
 */
export function judge(name: string): Judge | undefined {
  for (const root of ['/', process.env['ALTEE_TEST_ROOT']]) {
    if (root === undefined) continue;
    for (const folder of folders) {
      const path = join(root, folder, name);
      if (!isExecutable(path)) continue;
      return root === '/' ? command([path]) : command(throughLoader(root, path));
    }
  }
  return undefined;
}

function throughLoader(root: string, path: string): string[] {
  return [join(root, loader), '--library-path', join(root, 'usr/lib/x86_64-linux-gnu'), path];
}

function command([program = '', ...first]: string[]): Judge {
  return {
    async run(args, { cwd, input } = {}) {
      const result = await execa(program, [...first, ...args], {
        all: true,
        reject: false,
        env: { TZ: 'UTC', LC_ALL: 'C' },
        ...(cwd === undefined ? {} : { cwd }),
        ...(input === undefined ? {} : { input }),
      });
      return { code: result.exitCode ?? -1, text: result.all };
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

import { vi } from 'vitest';
import { runCli } from '../src/cli.ts';

export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process, with what it prints. */
export async function altee(...args: readonly string[]): Promise<Answer> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      printed[name] += String(chunk);
      return true;
    }),
  );
  try {
    const exitCode = await runCli(args);
    return { exitCode, ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

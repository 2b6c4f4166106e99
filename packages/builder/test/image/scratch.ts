import { onTestFinished } from 'vitest';
import { tempFolder } from '../temp.ts';

/** A new empty folder that is removed when the test is over. */
export async function scratch(): Promise<string> {
  const folder = await tempFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  return folder.path;
}

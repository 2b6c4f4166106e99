import { readFile, stat } from 'node:fs/promises';
import { hasCode } from '../store/errno.ts';
import { readTpmView, type TpmView } from './tpm-view.ts';

/** swtpm's file is bounded to this (RLIMIT_FSIZE): a guest that talks to its TPM without end must not fill the disk. */
export const MAX_TPM_LOG_BYTES = 64 * 2 ** 20;

/** QEMU's last word to swtpm, CMD_SHUTDOWN (swtpm_ioctls(3)), and its answer. */
const LAST_RECORD = / Ctrl Cmd: length 4\n 00 00 00 03 ?\n Ctrl Rsp: length 4\n 00 00 00 00 ?\n?$/;

/**
 * What the TPM received, from swtpm's log. A log that is not whole, as it does not end with the TPM's shutdown, is
 * marked as not fully understood: nothing that was cut off may count as not having happened.
 */
export async function readTpmLog(path: string): Promise<TpmView> {
  const log = await readLog(path);
  const view = readTpmView(log);
  if (LAST_RECORD.test(log.slice(-4096))) return view;
  const reason = "the log does not end with the TPM's shutdown: it may be cut short";
  return { ...view, uninterpreted: [...view.uninterpreted, reason] };
}

async function readLog(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_TPM_LOG_BYTES) return '';
    return await readFile(path, 'latin1');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

/** What the system's codes mean to who gave a path (errno(3)). */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'it is no folder, or a part of its path is none',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not do so',
  EPERM: 'this user may not do so',
  ELOOP: 'its symbolic links go round in a circle',
  ENAMETOOLONG: 'the name is too long',
  EROFS: 'the file system is read-only',
  ENXIO: 'there is nothing behind it',
  EIO: 'the device does not answer',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'no space is left for this user',
};

/** Why a file could not be read or written, as a clause in words. */
export function fileErrorReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}

/** Whether a system call failed, and not the program. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

import { StackError } from '@polarstack/base';

const full = new Set(['ENOSPC', 'EDQUOT']);
const forbidden = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST']);

/** The code for what the disk said: a full disk and a wrong folder are the user's to mend, everything else the machine's. */
export function diskError(dir: string, error: unknown): StackError {
  if (error instanceof StackError) return error;
  const errno = (error as NodeJS.ErrnoException).code ?? '';
  const message = error instanceof Error ? error.message : String(error);
  const code = full.has(errno) ? 'StateDiskFull' : forbidden.has(errno) ? 'StateFolderUnusable' : 'StateWriteFailed';
  return new StackError(code, `cannot use the state in ${dir}: ${message}`, {
    cause: error,
    details: { dir, ...(errno && { errno }) },
  });
}

import { createHash } from 'node:crypto';
import { access, chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keeperScript } from './keeper-script.ts';

/**
 * Puts the keeper script into `folder` and answers its path. The name carries a hash of the content: a running shell
 * reads its script as it goes, so a script in use is never changed.
 */
export async function installKeeper(folder: string): Promise<string> {
  const hash = createHash('sha256').update(keeperScript).digest('hex').slice(0, 8);
  const path = join(folder, `keeper-${hash}.sh`);
  try {
    await access(path);
    return path;
  } catch {
    await mkdir(folder, { recursive: true });
    const aside = `${path}.${process.pid}.new`;
    await writeFile(aside, keeperScript);
    await chmod(aside, 0o755);
    await rename(aside, path);
    return path;
  }
}

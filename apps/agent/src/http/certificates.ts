import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Logger, systemClock } from '@polarstack/base';
import type { TlsFiles } from '@polarstack/engine';

export interface Certificates {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export async function readCertificates({ ca, cert, key }: TlsFiles): Promise<Certificates> {
  const [a, b, c] = await Promise.all([readFile(ca), readFile(cert), readFile(key)]);
  return { ca: a, cert: b, key: c };
}

const fingerprint = ({ ca, cert, key }: Certificates): string =>
  createHash('sha256').update(ca).update(cert).update(key).digest('hex');

/** Certificates are renewed weeks before they end; the mounts change by renamed folders, which file watches lose. */
const LOOK_MS = 5_000;

/** Calls `onChange` whenever the files have another content, until the signal ends it. Half written files wait for the next look. */
export async function watchCertificates(
  files: TlsFiles,
  first: Certificates,
  onChange: (certificates: Certificates) => void,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  let known = fingerprint(first);
  while (!signal.aborted) {
    try {
      await systemClock.sleep(LOOK_MS, signal);
      const now = await readCertificates(files);
      const print = fingerprint(now);
      if (print === known) continue;
      onChange(now);
      known = print;
      log.info({}, 'certificates read again');
    } catch (error) {
      if (!signal.aborted) log.warn({}, `certificates cannot be read: ${(error as Error).message}`);
    }
  }
}

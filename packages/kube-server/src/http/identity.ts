import type { TLSSocket } from 'node:tls';

/** Who asks: the subject of the client certificate. */
export interface UserInfo {
  /** The certificate's CN. */
  readonly username: string;
  /** The certificate's O entries, and `system:authenticated`. */
  readonly groups: readonly string[];
  /** What else is known of the user: by which certificate. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const CREDENTIAL = 'authentication.kubernetes.io/credential-id';

const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/**
 * Reads the verified client certificate of a connection; undefined when there is none or its chain, purpose or dates
 * do not hold. The answer is the same for the life of a connection, so callers may keep it.
 */
export function identify(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  const subject = certificate.subject as unknown as Record<string, string | readonly string[] | undefined> | undefined;
  const username = list(subject?.CN)[0];
  if (username === undefined || username === '') return undefined;
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    username,
    groups: [...list(subject?.O), 'system:authenticated'],
    extra: { [CREDENTIAL]: [`X509SHA256=${fingerprint}`] },
  };
}

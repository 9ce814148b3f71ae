/** What proves to the API server who is asking. */
export interface Credentials {
  readonly token?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
}

/**
 * Credentials that change: a plug-in's, or a token file that is rotated. `renew` asks for new ones because the server
 * refused the last (401). Failures are `StackError`s.
 */
export type CredentialSource = (options: { readonly renew: boolean }) => Promise<Credentials>;

/** How to reach one API server, and as whom. All certificates and keys are PEM. */
export interface KubeConnection extends Credentials {
  /** `https://host:port`, with a path prefix where the server has one. */
  readonly server: string;
  /** The authority that must have signed the server's certificate; default: those of the system. */
  readonly caPem?: string;
  /** The name to expect in the server's certificate, where it differs from the address. */
  readonly tlsServerName?: string;
  /** Believe any server. For experiments only. */
  readonly insecureSkipTlsVerify?: boolean;
  /** Comes before the fixed credentials where both name the same kind. */
  readonly credentials?: CredentialSource;
  /** The namespace that the kubeconfig's context or the service account names. */
  readonly namespace?: string;
}

/** The credentials of now. */
export async function currentCredentials(connection: KubeConnection, renew = false): Promise<Credentials> {
  return connection.credentials === undefined
    ? connection
    : { ...connection, ...(await connection.credentials({ renew })) };
}

/** The TLS options that `node:https` and `ws` share. */
export function tlsOptions(connection: KubeConnection, credentials: Credentials) {
  return {
    ...(connection.caPem === undefined ? {} : { ca: connection.caPem }),
    ...(credentials.certPem === undefined ? {} : { cert: credentials.certPem }),
    ...(credentials.keyPem === undefined ? {} : { key: credentials.keyPem }),
    ...(connection.tlsServerName === undefined ? {} : { servername: connection.tlsServerName }),
    rejectUnauthorized: connection.insecureSkipTlsVerify !== true,
  };
}

/** What the environment says about the API server; the one place of this package that reads it. */
export interface KubeEnvironment {
  /** Set inside a pod: address and port of the API server. */
  readonly serviceHost: string | undefined;
  readonly servicePort: string | undefined;
  /** The whole environment, for credential plug-ins: they inherit it. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

export function readKubeEnvironment(): KubeEnvironment {
  const env = process.env;
  return {
    serviceHost: env.KUBERNETES_SERVICE_HOST,
    servicePort: env.KUBERNETES_SERVICE_PORT,
    inherited: env,
  };
}

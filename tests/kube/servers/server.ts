export type { KubeTestServer as ContractServer } from '@polarstack/testkit/kube-servers';

export { agentOf, createIdentity, type Identity } from '@polarstack/testkit/kube-servers';

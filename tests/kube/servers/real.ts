export { startRealKube as startReal } from '@polarstack/testkit/kube-servers';

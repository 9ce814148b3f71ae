import type { UserInfo } from '../http/identity.ts';

/** Who the controllers inside the server are: policies know them by the names that they have in Kubernetes. */
export function controllerUser(name: string): UserInfo {
  return {
    username: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}

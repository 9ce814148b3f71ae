import type { TLSSocket } from 'node:tls';
import { StackError } from '@polarstack/base';
import type { AgentApi, PulseSource } from '@polarstack/contracts';

type Call = keyof AgentApi | keyof PulseSource;

/**
 * Who may call what. The role is the CN of a client certificate signed by the cluster's CA; nothing else counts, no address
 * and no header. A certificate of a role without a line (the replicator's, a server's) may call nothing.
 */
const allowed: Readonly<Record<string, 'all' | ReadonlySet<Call>>> = {
  operator: 'all',
  'cluster-manager': new Set<Call>([
    'status',
    'watch',
    'setTerm',
    'task',
    'start',
    'stop',
    'fence',
    'checkpoint',
    'reload',
    'promote',
    'rewind',
    'setSlots',
    'writeCanary',
    'readCanary',
  ]),
};

/** The caller's role; throws `AgentUnauthenticated` or `AgentForbidden`. */
export function authorize(socket: TLSSocket, call: Call): string {
  if (!socket.authorized)
    throw new StackError(
      'AgentUnauthenticated',
      `no valid client certificate: ${String(socket.authorizationError ?? 'none given')}`,
    );
  const { CN } = socket.getPeerCertificate().subject ?? {};
  const role = typeof CN === 'string' ? CN : '';
  const calls = Object.hasOwn(allowed, role) ? allowed[role] : undefined;
  if (calls !== 'all' && !calls?.has(call))
    throw new StackError('AgentForbidden', `the role ${JSON.stringify(role)} may not call ${call}`);
  return role;
}

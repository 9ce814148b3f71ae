import { isStackError, type StackError } from '@polarstack/base';
import type { ProbeTrouble } from '@polarstack/contracts';

const CANNOT_CONNECT_NOW = '57P03';
const TOO_MANY_CONNECTIONS = '53300';
const LOCK_NOT_AVAILABLE = '55P03';
const QUERY_CANCELED = '57014';

/** SQLSTATE of what the engine said, wherever the error keeps it. */
function sqlState({ details, cause }: StackError): string | undefined {
  const state = details.sqlState ?? (cause as { readonly code?: unknown } | undefined)?.code;
  return typeof state === 'string' ? state : undefined;
}

/**
 * What a failed look means. The engine says in words alone why nobody may connect now, and in the language of its own settings: where
 * they are not known it counts as starting, the one that asks for patience.
 */
export function troubleOf(error: StackError): ProbeTrouble {
  const state = sqlState(error);
  if (state === CANNOT_CONNECT_NOW) {
    if (/shutting down/.test(error.message)) return 'shutting down';
    return /recovery/.test(error.message) ? 'recovery' : 'starting';
  }
  if (state === TOO_MANY_CONNECTIONS) return 'too many clients';
  if (state === LOCK_NOT_AVAILABLE) return 'lock';
  if (state === QUERY_CANCELED || isStackError(error, 'EngineTimeout')) return 'no answer';
  return isStackError(error, 'WrongRole') ? 'read-only' : 'failed';
}

export const probeReason = (error: StackError): string => `${troubleOf(error)}: ${error.message}`;

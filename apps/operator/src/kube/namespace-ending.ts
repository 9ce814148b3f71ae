import { isStackError } from '@polarstack/base';

interface Refusal {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
}

/** Whether a creation was refused because its namespace is being deleted: nothing can be made there any more. */
export function isNamespaceEnding(error: unknown): boolean {
  if (!isStackError(error, 'Forbidden')) return false;
  const { status } = error.details;
  const refusal: Refusal = typeof status === 'object' && status !== null ? status : {};
  if (refusal.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')) return true;
  // Servers that name no cause say it in words.
  return error.message.includes('because it is being terminated');
}

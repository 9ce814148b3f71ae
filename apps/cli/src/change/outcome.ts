import type { MPDOperation } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { currentStepOf } from '@polarstack/domain';

/** ` -n NAMESPACE`, where it is needed. */
export const inNamespace = (namespace: string | undefined): string =>
  namespace === undefined || namespace === 'default' ? '' : ` -n ${namespace}`;

/** Whether a wait for an operation is over: well, with an error, or not yet. Pure. */
export function outcomeOf(operation: MPDOperation): 'done' | 'wait' | StackError {
  const { metadata, spec, status } = operation;
  const name = metadata.name ?? '';
  const where = inNamespace(metadata.namespace);
  const step = currentStepOf(operation);
  const error = status?.error ?? step?.error;
  const details = { operation: name, ...(error && { code: error.code }) };
  const because = error?.message ?? status?.message ?? 'no reason is given';
  const coded = error === undefined ? because : `${error.code}: ${because}`;
  switch (status?.phase) {
    case 'Succeeded':
      return 'done';
    case 'Failed':
      return new StackError(
        status.workflow === undefined ? 'OperationRefused' : 'OperationFailed',
        `${spec.type} ${status.workflow === undefined ? 'is refused' : 'failed'}: ${coded}`,
        { details, ...(error?.remedy !== undefined && { remedy: error.remedy }) },
      );
    case 'Interrupted': {
      const at = step === undefined ? '' : ` at step ${step.name}`;
      const mend = error?.remedy ?? 'Mend what the message names.';
      return new StackError('OperationInterrupted', `${spec.type} (${name}) stopped${at}: ${coded}`, {
        details,
        remedy: `${mend} Then: polarstack operation resume ${name}${where}`,
      });
    }
    case 'Cancelled':
      return new StackError('OperationCancelled', `${spec.type} (${name}) was cancelled: ${because}`, { details });
    case 'Pending':
    case 'Running':
    case 'Waiting':
    case 'Paused':
    case undefined:
      return 'wait';
  }
}

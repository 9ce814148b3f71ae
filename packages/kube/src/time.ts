/** `MicroTime`, as Lease.renewTime and Event.eventTime want it: exactly six digits of fraction, else the server answers 400. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

/** `Time`, as everywhere else: whole seconds. */
export function kubeTime(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}

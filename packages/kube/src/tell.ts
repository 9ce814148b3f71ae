/** Makes a report to a caller's function. One that itself fails must stop nothing: it is told on the process's own channel. */
export function tell(report: () => void): void {
  try {
    report();
  } catch (failure) {
    process.emitWarning(failure instanceof Error ? failure : String(failure));
  }
}

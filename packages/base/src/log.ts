import { type DestinationStream, pino } from 'pino';

/** Structured log: one JSON object a line. Fields come first, the sentence second. Never pass secrets. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger;
}

export interface LogOptions {
  readonly component: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
  readonly destination?: DestinationStream;
}

/** Names whose values are never written, whatever object carries them. */
const redact = ['password', 'secret', 'token', 'key', 'verifier', 'authorization'].flatMap((name) => [
  name,
  `*.${name}`,
]);

export function createLogger({ component, level = 'info', destination }: LogOptions): Logger {
  const options = {
    level,
    base: { component },
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redact, censor: '[redacted]' },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

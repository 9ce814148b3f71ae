/**
 * Who did what, and when. It owns neither requests nor answers: it is told of them, and never stops one.
 *
 * A request is written down when its answer has left, and one that runs long (watch, exec, forwarded port) also when it
 * begins. What it holds is in `event.ts`, which requests are written in `policy.ts`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Logger } from '@polarstack/base';
import { onGone } from '../http/gone.ts';
import { openAuditFile } from './audit-file.ts';
import { type AuditStage, type AuditTrail, auditEvent, openTrail, subjectOf } from './event.ts';
import { type AuditPolicy, defaultAuditPolicy, levelOf } from './policy.ts';

export interface AuditOptions {
  /** The file that is written; its predecessors are `<file>.1` and so on. */
  readonly file: string;
  /** Default: every write, exec and forwarded port, and reads of Secrets. */
  readonly policy?: AuditPolicy;
  readonly maxBytes?: number;
  readonly files?: number;
}

export interface Audit {
  /** Begins the trail of a request, which ends with its answer. */
  request(request: IncomingMessage, response: ServerResponse): AuditTrail;
  /** An answer began that runs long. */
  started(trail: AuditTrail): void;
  /** Begins the trail of an upgrade; `began` and `refused` say what became of it. */
  upgrade(request: IncomingMessage): UpgradeTrail;
  counts(): { readonly written: number; readonly lost: number };
  close(): Promise<void>;
}

export interface UpgradeTrail {
  readonly trail: AuditTrail;
  began(socket: Duplex): void;
  refused(code: number, reason: string | undefined): void;
}

export function createAudit(options: AuditOptions | undefined, clock: Clock, logger: Logger): Audit {
  const file = options && openAuditFile({ ...options, path: options.file, logger });
  const policy = options?.policy ?? defaultAuditPolicy;

  const tell = (trail: AuditTrail, stage: AuditStage, code: number): void => {
    if (!file) return;
    const subject = subjectOf(trail);
    if (levelOf(policy, subject) === 'None') return;
    file.write(JSON.stringify(auditEvent(trail, subject, { stage, code, now: clock.now() })));
  };

  return {
    request: (request, response) => {
      const trail = openTrail(request, clock.now());
      if (file) onGone(response, () => tell(trail, 'ResponseComplete', response.headersSent ? response.statusCode : 0));
      return trail;
    },
    started: (trail) => tell(trail, 'ResponseStarted', 200),
    upgrade: (request) => {
      // What a client must be allowed to do, whichever method it came with.
      const trail = openTrail(request, clock.now(), 'create');
      return {
        trail,
        began: (socket) => {
          tell(trail, 'ResponseStarted', 101);
          socket.once('close', () => tell(trail, 'ResponseComplete', 101));
        },
        refused: (code, reason) => {
          if (reason !== undefined) trail.reason = reason;
          tell(trail, 'ResponseComplete', code);
        },
      };
    },
    counts: () => ({ written: file?.written ?? 0, lost: file?.lost ?? 0 }),
    close: async () => await file?.close(),
  };
}

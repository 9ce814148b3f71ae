import type { IncomingMessage } from 'node:http';
import { StackError } from '@polarstack/base';
import { z } from 'zod';

/** No call needs more. */
export const MAX_BODY_BYTES = 64 * 1024;

/** Bodies of the calls. Unknown fields are refused. */

const parameters = z.record(z.string(), z.unknown()).describe('Details of the change; they depend on the type.');
const type = z
  .string()
  .max(63)
  .regex(/^[A-Z][A-Za-z0-9]*$/)
  .describe('Type of the operation, e.g. SwitchRw.');

export const planBody = z.strictObject({
  type,
  parameters: parameters.optional(),
  spec: z
    .record(z.string(), z.unknown())
    .describe('A merge patch of the spec: the plan is made as if the spec said so already.')
    .optional(),
});

export const operationBody = z.strictObject({
  type,
  parameters: parameters.optional(),
  reason: z.string().max(1024).describe('Why; it is kept with the operation.').optional(),
  approval: z
    .enum(['auto', 'manual'])
    .describe('manual: it waits, showing its plan, until it is approved.')
    .default('auto'),
  startAt: z.iso.datetime({ offset: true }).describe('Not before this moment.').optional(),
});

export const steeringBody = z.strictObject({
  action: z.enum(['Pause', 'Resume', 'RetryStep', 'RestartFromFirst', 'SkipStep', 'Cancel']),
  step: z.string().max(253).describe('The step that is meant; default: the one at which it stopped.').optional(),
});

export const approvalBody = z.strictObject({});

/** Bodies of the original's routes. */
const word = z.string().min(1).max(1024);
export const rwInsBody = z.object({ endpoint: word.describe('address:port of the instance that is to be the RW.') });
export const engineStatusBody = z.object({
  endpoint: word.describe('address:port of the instance.'),
  engineStatus: word.describe('The state it is in, e.g. RUNNING.'),
  reason: word.describe('Why.'),
});

/** Reads a body as JSON. Throws `BodyTooLarge`, `BadRequest`. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new StackError('BodyTooLarge', `the body is larger than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StackError('BadRequest', `the body is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws `BodyInvalid` with each thing that is wrong. */
export function parseBody<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`,
  );
  throw new StackError('BodyInvalid', problems.join('; '), { details: { problems } });
}

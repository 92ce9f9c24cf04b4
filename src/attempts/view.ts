import { z } from 'zod';
import { errorRecordSchema } from '../error-record.ts';
import { maskDeep } from '../mask.ts';
import { attemptStates } from './attempt.ts';

/** What an author sees of an attempt; the hash, the budget and the staged media are ours. */
export const attemptViewColumns = [
  'id',
  'state',
  'started_at',
  'sent_at',
  'settled_at',
  'calls',
  'external_id',
  'error',
  'evidence',
]
  .map((column) => `a.${column}`)
  .join(', ');

const attemptRow = z.object({
  id: z.string(),
  state: z.enum(attemptStates),
  started_at: z.date(),
  sent_at: z.date().nullable(),
  settled_at: z.date().nullable(),
  calls: z.unknown(),
  external_id: z.string().nullable(),
  error: z.unknown(),
  evidence: z.unknown(),
});

export const attemptViewSchema = z
  .strictObject({
    id: z.string(),
    state: z.enum(attemptStates),
    started_at: z.string(),
    sent_at: z.string().nullable(),
    settled_at: z.string().nullable(),
    calls: z.array(
      z.strictObject({
        method: z.string(),
        path: z.string(),
        effect: z.string(),
        status: z.number().nullable(),
        at: z.string(),
      }),
    ),
    external_id: z.string().nullable(),
    error: errorRecordSchema.nullable(),
    evidence: z.array(z.unknown()).meta({
      description:
        'What was learned after it was sent: looks at the network with what they found, and answers of people.',
    }),
  })
  .meta({ id: 'Attempt' });

export type AttemptView = Omit<z.output<typeof attemptViewSchema>, 'error'> & {
  readonly error: unknown;
};

const callRecords = z.array(
  z.object({
    method: z.string(),
    path: z.string(),
    effect: z.string(),
    status: z.number().nullable(),
    at: z.string(),
  }),
);

/** A row of `attemptViewColumns`, with everything masked that looks like a secret. */
export function viewAttempt(row: object): AttemptView {
  const attempt = attemptRow.parse(row);
  return {
    id: attempt.id,
    state: attempt.state,
    started_at: attempt.started_at.toISOString(),
    sent_at: attempt.sent_at?.toISOString() ?? null,
    settled_at: attempt.settled_at?.toISOString() ?? null,
    calls: callRecords.parse(maskDeep(attempt.calls)),
    external_id: attempt.external_id,
    error: maskDeep(attempt.error) ?? null,
    evidence: z.array(z.unknown()).parse(maskDeep(attempt.evidence)),
  };
}

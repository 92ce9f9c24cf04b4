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
  'hidden_id',
  'hidden_at',
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
  hidden_id: z.string().nullable(),
  hidden_at: z.date().nullable(),
  external_id: z.string().nullable(),
  error: z.unknown(),
  evidence: z.unknown(),
});

export const attemptViewSchema = z
  .strictObject({
    id: z.string(),
    state: z.enum(attemptStates),
    started_at: z.string(),
    sent_at: z.string().nullable().meta({
      description: 'When it was committed that the call which shows it may go out.',
    }),
    settled_at: z.string().nullable(),
    calls: z.array(
      z.strictObject({
        method: z.string(),
        path: z.string(),
        effect: z.string().meta({
          description:
            'What it does at the network. `stages`: makes something that nobody sees; `reveals`: shows what was hidden, now or at a time, and may be repeated; `publishes`: makes something visible in one call, and is never repeated; `changes`: edits or deletes; `reads`.',
        }),
        status: z.number().nullable().meta({ description: 'Of HTTP; null: no answer came.' }),
        at: z.string(),
      }),
    ),
    hidden_id: z.string().nullable().meta({
      description:
        "The network's id of what this attempt has made hidden there: it is shown by that id, and settled by reading it. Null for one that is sent in a single call, and once it was deleted.",
    }),
    hidden_at: z.string().nullable().meta({ description: 'Since when it is known to be there.' }),
    external_id: z
      .string()
      .nullable()
      .meta({ description: 'Once it is where it should be: confirmed.' }),
    error: errorRecordSchema.nullable(),
    evidence: z.array(z.unknown()).meta({
      description:
        'What was learned after it was sent: reads of the hidden post by its id, searches of the account, with what they found; what was deleted; answers of people.',
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
    hidden_id: attempt.hidden_id,
    hidden_at: attempt.hidden_at?.toISOString() ?? null,
    external_id: attempt.external_id,
    error: maskDeep(attempt.error) ?? null,
    evidence: z.array(z.unknown()).parse(maskDeep(attempt.evidence)),
  };
}

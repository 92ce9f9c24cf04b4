import { createHash } from 'node:crypto';
import { z } from 'zod';
import { errorRecordSchema } from '../errors.ts';
import { maskDeep } from '../mask.ts';
import type { Waiting } from '../posts/post.ts';
import type { PostContent, PublishMode, StagedMedium } from '../providers/content.ts';

export const attemptStates = [
  'prepared',
  'sent',
  'confirmed',
  'rejected',
  'unknown',
  'abandoned',
] as const;
export type AttemptState = (typeof attemptStates)[number];

/** How soon a hidden post is read whose reveal had no answer: a read by id does not lag as lists do. */
export const readHiddenAfterMs = 5_000;

/**
 * Message, link, media, mode and schedule time as one hash. Two posts of the same hash on one account could not be
 * told apart after a lost answer, so they go out one at a time.
 */
export function contentHash(
  content: PostContent,
  mode: PublishMode,
  scheduledAt: Date | null,
): string {
  const message = (content.message ?? '').replaceAll('\r\n', '\n').trim().normalize('NFC');
  const time = mode === 'schedule' ? (scheduledAt?.getTime() ?? null) : null;
  const parts = [message, content.link, content.media.map((item) => item.url), mode, time];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** What was learned about an attempt after it was sent: looks at the provider, answers of people, photos deleted. */
export type EvidenceEntry = LookEntry | AnswerEntry | DroppedEntry;

export interface LookEntry {
  readonly looked_at: string;
  /** Every edge was read back far enough. */
  readonly complete: boolean;
  /** Complete, far enough from the look before it, and nothing found: part of the proof of absence. */
  readonly counts: boolean;
  /** How far each list was seen, by its mode. */
  readonly lists?: Readonly<Record<string, string>>;
  /** Why it proves nothing although it was made to its end; it counts as a look all the same. */
  readonly doubt?: string | null;
  readonly candidates: readonly CandidateEntry[];
  readonly conclusion: string;
}

export interface CandidateEntry {
  readonly external_id: string;
  readonly url: string | null;
  readonly is_published: boolean;
  /** It carries photos that only this post has. */
  readonly certain: boolean;
}

export interface AnswerEntry {
  readonly answered_at: string;
  readonly answer: 'live' | 'absent' | 'retry';
  readonly external_id: string | null;
  /** Posts that a person has seen and does not take for this one. */
  readonly dismissed: readonly string[];
}

export interface DroppedEntry {
  readonly dropped_at: string;
  readonly staged: readonly StagedMedium[];
  /** Ids of hidden posts. */
  readonly hidden?: readonly string[];
}

const evidenceSchema = z.array(
  z.looseObject({
    looked_at: z.string().optional(),
    counts: z.boolean().optional(),
    doubt: z.string().nullish(),
    candidates: z.array(z.looseObject({ external_id: z.string() })).optional(),
    answer: z.string().optional(),
  }),
);

export interface EvidenceSummary {
  /** Of the last look that was made to its end. */
  readonly lookedAt: Date | null;
  /** Looks that prove absence. */
  readonly proofs: number;
  /** A person wants it sent again once it is proven absent. */
  readonly isRetryWished: boolean;
  /** Everything that looks have found so far. */
  readonly candidateIds: readonly string[];
}

export function summarizeEvidence(evidence: unknown): EvidenceSummary {
  const entries = evidenceSchema.parse(evidence);
  const looked = entries.findLast((entry) => entry.counts === true || entry.doubt)?.looked_at;
  const ids = entries.flatMap((entry) => entry.candidates ?? []).map((one) => one.external_id);
  return {
    lookedAt: looked === undefined ? null : new Date(looked),
    proofs: entries.filter((entry) => entry.counts === true).length,
    isRetryWished: entries.some((entry) => entry.answer === 'retry'),
    candidateIds: [...new Set(ids)],
  };
}

/** SQL: the evidence of attempt `a` with the entry at `place`; at most so much that a look a minute for days fits. */
export function appendEvidence(place: string): string {
  return `CASE WHEN jsonb_array_length(a.evidence) >= 50 THEN a.evidence - 1 ELSE a.evidence END || ${place}::jsonb`;
}

export function waitForLook(until: Date, resend = true): Waiting {
  const next = resend ? 'is sent again only once it is proven absent' : 'is not sent again';
  const text = `The network may have created this post: its answer was lost. It is looked for there, and ${next}.`;
  return { reason: 'reconcile', until: until.toISOString(), text };
}

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

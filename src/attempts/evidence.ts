import { z } from 'zod';
import type { StagedMedium } from './attempt.ts';

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

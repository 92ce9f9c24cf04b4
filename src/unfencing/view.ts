import { z } from 'zod';
import { type Closer, readInstance } from '../fence/store.ts';
import type { Services } from '../services.ts';

const counts = {
  /** Posts that may have been sent. */
  posts: z.int(),
  /** Found at the network, and bound. */
  bound: z.int(),
  /** Not there: they go out once the fence is open, if they are not too late. */
  absent: z.int(),
  /** A person is asked. */
  ambiguous: z.int(),
  /** Their account could not be read: looked for later, and not sent before. */
  unseen: z.int(),
  /** Shown by the account since then, and no post of ours: made by people, or by rows that were lost. */
  unclaimed: z.int(),
} as const;

const accountResult = z.strictObject({
  integration_id: z.string(),
  account: z.string(),
  name: z.string().nullable(),
  ...counts,
  note: z.string().nullable(),
});
export type AccountResult = z.output<typeof accountResult>;

export const unfencingSchema = z.strictObject({
  state: z.enum(['running', 'done', 'failed']),
  since: z.string(),
  by: z.string(),
  started_at: z.string(),
  updated_at: z.string(),
  accounts: z.int(),
  accounts_done: z.int(),
  ...counts,
  note: z.string().nullable().meta({ description: 'What it does or waits for; why it failed.' }),
  results: z.array(accountResult).meta({ description: 'By account; at most 2,000 are kept.' }),
});
export type Unfencing = z.output<typeof unfencingSchema>;

/** As the row of the installation keeps it. */
export function parseUnfencing(stored: unknown): Unfencing | null {
  return z.looseObject({ runner: z.string().optional() }).nullable().parse(stored) === null
    ? null
    : z.object(unfencingSchema.shape).parse(stored);
}

const mostResults = 2_000;

export function addResult(progress: Unfencing, result: AccountResult): Unfencing {
  return {
    ...progress,
    accounts_done: progress.accounts_done + 1,
    posts: progress.posts + result.posts,
    bound: progress.bound + result.bound,
    absent: progress.absent + result.absent,
    ambiguous: progress.ambiguous + result.ambiguous,
    unseen: progress.unseen + result.unseen,
    unclaimed: progress.unclaimed + result.unclaimed,
    results: [...progress.results, result].slice(-mostResults),
  };
}

export interface FenceView {
  readonly fenced: boolean;
  readonly fenced_at: string | null;
  readonly reason: string | null;
  readonly closed_by: ClosedBy | null;
  /** The place that the installation is known by, as it was before somebody else fenced it. */
  readonly known_place: { readonly public_url: string | null; readonly graph_host: string | null };
  /** Of the last unfencing, also when nothing is fenced any more. */
  readonly unfencing: Unfencing | null;
}

/** The process that closed the fence, and how it was configured. */
export interface ClosedBy {
  readonly host: string;
  readonly pid: number;
  readonly role: string;
  readonly graph_base_url: string;
  readonly public_url: string | null;
}

export async function viewFence({ db }: Pick<Services, 'db'>): Promise<FenceView> {
  const { fencedAt, reason, closedBy, known, unfencing } = await readInstance(db);
  return {
    fenced: fencedAt !== null,
    fenced_at: fencedAt?.toISOString() ?? null,
    reason,
    closed_by: closedBy === null ? null : toJson(closedBy),
    known_place: { public_url: known.publicUrl, graph_host: known.graphHost },
    unfencing: parseUnfencing(unfencing),
  };
}

function toJson({ host, pid, role, graphBaseUrl, publicUrl }: Closer): ClosedBy {
  return { host, pid, role, graph_base_url: graphBaseUrl, public_url: publicUrl };
}

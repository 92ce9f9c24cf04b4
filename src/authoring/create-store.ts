import { type Sql, sqlState } from '../db/client.ts';
import { type AppError, ConflictError, type FieldProblem, NotFoundError } from '../errors.ts';
import { parsePostRows, postColumns } from '../posts/row.ts';
import type { PostInput } from './input.ts';
import { type AuthorNeeds, loadScope, readPosts } from './read-store.ts';
import {
  type AuthorScope,
  brokenBound,
  brokenRules,
  done,
  failed,
  judgeDraft,
  mustKeepRules,
  type PostDraft,
  type PostOutcome,
  unpublished,
  unwrap,
  type WrittenPost,
  warningsOf,
} from './scope.ts';
import { readDueTime } from './wall-time.ts';

/** A post to be made under an id of the caller's, so that a repeated request finds its own. */
export interface NewPost {
  readonly id: string;
  readonly input: PostInput;
}

/** Again under the same id: the post as it is. Throws NotFoundError and InvalidRequestError (422). */
export async function createPost(
  needs: AuthorNeeds,
  tenantId: string,
  post: NewPost,
): Promise<WrittenPost> {
  const [outcome] = await createPosts(needs, tenantId, [post]);
  return unwrap(outcome);
}

/** Each post on its own, in the order given; those that are in order are stored by one statement. */
export async function createPosts(
  needs: AuthorNeeds,
  tenantId: string,
  posts: readonly NewPost[],
): Promise<PostOutcome[]> {
  const scope = await loadScope(
    needs,
    tenantId,
    posts.map(({ input }) => input.integration_id),
  );
  const judged = posts.map((post) => judgeNew(scope, post));
  const drafts = judged.flatMap((item) => (item.draft === null ? [] : [item.draft]));
  const stored = await insertPosts(needs.db, tenantId, drafts);
  return judged.map((item) => {
    if (item.draft === null) return item.outcome;
    const outcome = stored.get(item.draft.id) ?? failed(idTaken());
    return outcome.error === null ? done(outcome.row, item.warnings) : outcome;
  });
}

interface StorableDraft extends PostDraft {
  readonly id: string;
  readonly status: 'draft' | 'in_review' | 'approved';
  readonly scheduledLocal: string | null;
  readonly timezone: string | null;
  readonly reference: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

type Judged =
  | {
      readonly draft: StorableDraft;
      readonly warnings: readonly FieldProblem[];
      readonly outcome: null;
    }
  | { readonly draft: null; readonly outcome: PostOutcome };

function judgeNew(scope: AuthorScope, { id, input }: NewPost): Judged {
  const integrationId = input.integration_id.toLowerCase();
  if (!scope.integrations.has(integrationId)) {
    return refused(noSuchIntegration(scope, input.integration_id));
  }
  const stranger = unpublished(scope, integrationId);
  if (stranger !== null) return refused(brokenRules([stranger]));
  const draft = draftOf(scope, id, input);
  if ('problem' in draft) return refused(brokenRules([draft.problem]));
  const errors = mustKeepRules(draft.status) ? judgeDraft(scope, draft).errors : [];
  if (errors.length > 0) return refused(brokenRules(errors));
  return { draft, warnings: warningsOf(scope, draft), outcome: null };
}

/** The stored form of a request, or what is wrong with its due time. */
export function draftOf(scope: AuthorScope, id: string, input: PostInput) {
  const when = {
    scheduledAt: input.scheduled_at,
    scheduledLocal: input.scheduled_local,
    timezone: input.timezone,
  };
  const { due, problem } = readDueTime(when, scope.timezone);
  if (due === null) return { problem };
  return {
    id: id.toLowerCase(),
    integrationId: input.integration_id.toLowerCase(),
    status: input.status ?? 'draft',
    message: input.message ?? null,
    link: input.link ?? null,
    appendLink: input.append_link ?? false,
    media: input.media ?? [],
    publishMode: input.publish_mode ?? null,
    ...due,
    reference: input.reference ?? null,
    metadata: input.metadata ?? {},
  } as const;
}

function refused(error: Parameters<typeof failed>[0]): Judged {
  return { draft: null, outcome: failed(error) };
}

/** Many give the id of the Page: then the integration is named that is meant. */
export function noSuchIntegration(scope: AuthorScope, given: string): NotFoundError {
  const meant = scope.byAccount.get(given);
  const hint =
    meant === undefined
      ? 'It is the `id` that GET /v1/integrations shows.'
      : `This is the id of the account; its integration is ${meant}.`;
  return new NotFoundError(
    'not_found',
    `integration_id: there is no integration "${given}". ${hint}`,
  );
}

function idTaken(): ConflictError {
  return new ConflictError('conflict', 'The id of this post belongs to another.');
}

/** By id. One row that the table refuses would take all down with it: then each is tried on its own. */
async function insertPosts(
  sql: Sql,
  tenantId: string,
  drafts: readonly StorableDraft[],
): Promise<ReadonlyMap<string, PostOutcome>> {
  if (drafts.length === 0) return new Map();
  try {
    return await insertTogether(sql, tenantId, drafts);
  } catch (error) {
    const refusal = refusalOf(error);
    const [only] = drafts;
    if (refusal === undefined || only === undefined) throw error;
    if (drafts.length === 1) return new Map([[only.id, failed(refusal)]]);
  }
  const outcomes = new Map<string, PostOutcome>();
  for (const draft of drafts) {
    for (const [id, outcome] of await insertPosts(sql, tenantId, [draft]))
      outcomes.set(id, outcome);
  }
  return outcomes;
}

async function insertTogether(
  sql: Sql,
  tenantId: string,
  drafts: readonly StorableDraft[],
): Promise<ReadonlyMap<string, PostOutcome>> {
  const inserted = await sql.query({
    name: 'author_insert_posts',
    text: `INSERT INTO social_publisher.social_posts AS p
             (id, tenant_id, integration_id, status, message, link, append_link, media, publish_mode, scheduled_at,
              scheduled_local, timezone, reference, metadata)
           SELECT id, $1, "integrationId", status, message, link, "appendLink", media, "publishMode", "scheduledAt",
             "scheduledLocal", timezone, reference, metadata
           FROM jsonb_to_recordset($2::jsonb) AS x (id uuid, "integrationId" uuid, status text, message text,
             link text, "appendLink" boolean, media jsonb, "publishMode" text, "scheduledAt" timestamptz, "scheduledLocal" text,
             timezone text, reference text, metadata jsonb)
           ON CONFLICT (id) DO NOTHING RETURNING ${postColumns}`,
    values: [tenantId, JSON.stringify(drafts)],
  });
  const rows = parsePostRows(inserted);
  const known = new Set(rows.map((row) => row.id));
  const repeated = drafts.map((draft) => draft.id).filter((id) => !known.has(id));
  const earlier = repeated.length === 0 ? [] : (await readPosts(sql, tenantId, repeated)).values();
  return new Map([...rows, ...earlier].map((row) => [row.id, done(row)]));
}

/** The integration was deleted meanwhile (23503), a trigger refused, or a value is larger than the table takes. */
function refusalOf(error: unknown): AppError | undefined {
  const state = sqlState(error);
  if (state === '23503') {
    return new NotFoundError('not_found', 'integration_id: the integration was deleted meanwhile.');
  }
  if (state === 'SP409' && error instanceof Error)
    return new ConflictError('conflict', error.message);
  return brokenBound(error);
}

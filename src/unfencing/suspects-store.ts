import type { EvidenceEntry } from '../attempts/attempt.ts';
import type { Database, Sql } from '../db/client.ts';
import type { Sealed } from '../integrations/account.ts';
import { sealedAccountSql } from '../integrations/store.ts';
import { changePosts, type PostChange, updatePosts } from '../posts/store.ts';
import type { PublishMode } from '../providers/content.ts';

/** An account with posts that may have been sent since; more of them than will turn out to be. */
export interface SuspectAccount extends Sealed {
  readonly provider: string;
  readonly name: string | null;
  /** When the first attempt was sent whose end is open, or null. */
  readonly firstSentAt: Date | null;
  readonly posts: number;
}

export interface SuspectRow {
  readonly id: string;
  readonly version: number;
  readonly status: PostChange['to'];
  readonly message: string | null;
  readonly link: string | null;
  readonly appendLink: boolean;
  readonly media: unknown;
  readonly publishMode: PublishMode | null;
  readonly scheduledAt: Date | null;
  readonly approvedAt: Date;
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  readonly staged: unknown;
  readonly hiddenId: string | null;
  readonly now: Date;
}

/**
 * SQL: posts `p` that may be at the network while no row says so. What was approved may have gone at any time; what
 * was not (a draft, a failed one) may have been approved after the backup was taken, if its time is not long past.
 */
const suspect = `(p.status IN ('approved', 'queued', 'publishing', 'unknown')
  OR (p.status IN ('draft', 'in_review', 'failed', 'missed')
    AND coalesce(p.scheduled_at, p.updated_at) >= $1::timestamptz - interval '1 day'))
  AND (p.scheduled_at IS NULL OR p.scheduled_at < statement_timestamp() + interval '76 days')`;

export async function listSuspectAccounts(
  sql: Sql,
  since: Date,
): Promise<readonly SuspectAccount[]> {
  return sql.query<SuspectAccount>({
    text: `SELECT i.id AS "integrationId", i.tenant_id AS "tenantId", i.provider, i.name,
             ${sealedAccountSql},
             x.posts, (SELECT min(a.sent_at) FROM social_publisher.publish_attempts a
                       WHERE a.integration_id = i.id AND a.state IN ('sent', 'unknown')) AS "firstSentAt"
           FROM (SELECT p.integration_id, count(*)::int AS posts FROM social_publisher.social_posts p
                 WHERE ${suspect} GROUP BY p.integration_id) x
           JOIN social_publisher.integrations i ON i.id = x.integration_id ORDER BY i.id`,
    values: [since],
  });
}

export async function readSuspects(
  sql: Sql,
  since: Date,
  integrationId: string,
): Promise<readonly SuspectRow[]> {
  return sql.query<SuspectRow>({
    text: `SELECT p.id, p.version, p.status, p.message, p.link, p.append_link AS "appendLink", p.media, p.publish_mode AS "publishMode",
             p.scheduled_at AS "scheduledAt", coalesce(p.approved_at, p.created_at) AS "approvedAt",
             t.auto_publish AS "autoPublish", t.late_limit_s AS "lateLimitS", a.staged,
             a.hidden_id AS "hiddenId", clock_timestamp() AS now
           FROM social_publisher.social_posts p JOIN social_publisher.tenants t ON t.id = p.tenant_id
           LEFT JOIN social_publisher.publish_attempts a
             ON a.post_id = p.id AND a.state IN ('prepared', 'sent', 'unknown')
           WHERE p.integration_id = $2 AND ${suspect} ORDER BY p.id`,
    values: [since, integrationId],
  });
}

/** What a look taught about one post: its attempt, which may be the first that our rows know, and the post itself. */
export interface Discovery {
  readonly post: PostChange;
  readonly attempt: {
    readonly state: 'confirmed' | 'unknown';
    readonly mode: PublishMode;
    readonly content: object;
    readonly contentHash: string;
    readonly scheduledAt: Date | null;
    readonly sentAt: Date;
    readonly externalId: string | null;
    readonly evidence: readonly EvidenceEntry[];
    readonly budgetKey: string;
    /** Null: nobody looks again by itself. */
    readonly lookInMs: number | null;
  };
}

/** Returns the posts that were written; the others are no longer what was looked for. */
export async function writeDiscoveries(
  db: Database,
  discoveries: readonly Discovery[],
): Promise<ReadonlySet<string>> {
  if (discoveries.length === 0) return new Set();
  return db.transaction(async (tx) => {
    const locked = await lockPosts(tx, discoveries);
    const mine = discoveries.filter(({ post }) => locked.has(post.id));
    const rows = JSON.stringify(mine.map(toRow));
    const known = await settleKnownAttempts(tx, rows);
    await insertAttempts(tx, rows, known);
    return changePosts(
      tx,
      mine.map(({ post }) => post),
    );
  });
}

async function lockPosts(tx: Sql, discoveries: readonly Discovery[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ id: string }>({
    text: `SELECT p.id FROM social_publisher.social_posts p
           JOIN jsonb_to_recordset($1::jsonb) AS x (id uuid, version int, "from" jsonb) ON x.id = p.id
           WHERE p.version = x.version AND x."from" ? p.status ORDER BY p.id FOR UPDATE OF p`,
    values: [JSON.stringify(discoveries.map(({ post }) => post))],
  });
  return new Set(rows.map(({ id }) => id));
}

function toRow({ post, attempt }: Discovery) {
  return { post_id: post.id, version: post.version, ...attempt };
}

const recordset = `jsonb_to_recordset($1::jsonb) AS x (post_id uuid, version int, state text, mode text, content jsonb,
  "contentHash" text, "scheduledAt" timestamptz, "sentAt" timestamptz, "externalId" text, evidence jsonb,
  "budgetKey" text, "lookInMs" int)`;
const lookAt = `clock_timestamp() + x."lookInMs" * interval '1 millisecond'`;

/** Returns the posts that have such an attempt; what was only prepared gives way. */
async function settleKnownAttempts(tx: Sql, rows: string): Promise<readonly string[]> {
  await tx.query({
    text: `UPDATE social_publisher.publish_attempts a
           SET state = 'abandoned', reserved = 0, settled_at = clock_timestamp()
           FROM ${recordset} WHERE a.post_id = x.post_id AND a.state = 'prepared'`,
    values: [rows],
  });
  const known = await tx.query<{ post_id: string }>({
    text: `UPDATE social_publisher.publish_attempts a
           SET state = x.state, external_id = x."externalId", reserved = 0, settled_at = clock_timestamp(),
             evidence = a.evidence || x.evidence, look_at = ${lookAt}, looks = 0
           FROM ${recordset} WHERE a.post_id = x.post_id AND a.state IN ('sent', 'unknown') RETURNING a.post_id`,
    values: [rows],
  });
  return known.map(({ post_id }) => post_id);
}

async function insertAttempts(tx: Sql, rows: string, known: readonly string[]): Promise<void> {
  await tx.query({
    text: `WITH x AS MATERIALIZED (
             SELECT * FROM ${recordset} WHERE x.post_id <> ALL ($2::uuid[])
           ), runs AS (
             ${updatePosts} run = p.run + 1
             FROM x WHERE p.id = x.post_id RETURNING p.id, p.run, p.integration_id
           )
           INSERT INTO social_publisher.publish_attempts (post_id, integration_id, run, version, state, mode,
             content_hash, content, scheduled_at, budget_key, sent_at, owned_until, settled_at, external_id,
             evidence, look_at)
           SELECT x.post_id, runs.integration_id, runs.run, x.version, x.state, x.mode, x."contentHash", x.content,
             x."scheduledAt", x."budgetKey", x."sentAt", clock_timestamp(), clock_timestamp(), x."externalId",
             x.evidence, ${lookAt}
           FROM x JOIN runs ON runs.id = x.post_id`,
    values: [rows, known],
  });
}

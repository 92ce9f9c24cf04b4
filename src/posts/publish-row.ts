import { z } from 'zod';
import type { StagedMedium } from '../attempts/attempt.ts';
import type { Sql } from '../db/client.ts';
import { mediaItemSchema, type PostContent, type PostStatus, type PublishMode } from './post.ts';

/** Everything a worker needs to judge and publish one post, read in one statement. */
export interface PublishRow {
  readonly id: string;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly provider: string;
  readonly status: PostStatus;
  readonly version: number;
  readonly run: number;
  readonly tries: number;
  readonly message: string | null;
  readonly link: string | null;
  readonly media: unknown;
  readonly publishMode: PublishMode | null;
  readonly scheduledAt: Date | null;
  readonly approvedAt: Date;
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  readonly integrationStatus: string;
  readonly sealedToken: string | null;
  readonly externalAccountId: string;
  readonly appId: string;
  readonly nearWindowUntil: Date | null;
  /** What an interrupted attempt of this same version had staged. */
  readonly prepared: unknown;
  /** When the first attempt was sent that this post ever had, whatever its end. */
  readonly firstSentAt: Date | null;
  /** What the last sent attempt carried, for a look at the provider. */
  readonly lastSent: unknown;
  /** The database's clock. */
  readonly now: Date;
}

/** Rows that are gone are absent. */
export async function readPublishRows(
  sql: Sql,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PublishRow>> {
  const rows = await sql.query<PublishRow>({
    name: 'posts_read_publish',
    text: `SELECT p.id, p.tenant_id AS "tenantId", p.integration_id AS "integrationId", p.provider, p.status,
             p.version, p.run, p.tries, p.message, p.link, p.media, p.publish_mode AS "publishMode",
             p.scheduled_at AS "scheduledAt", coalesce(p.approved_at, p.created_at) AS "approvedAt",
             t.auto_publish AS "autoPublish", t.late_limit_s AS "lateLimitS",
             i.status AS "integrationStatus", i.sealed_token AS "sealedToken",
             i.external_account_id AS "externalAccountId", i.app_id AS "appId",
             i.near_window_until AS "nearWindowUntil",
             CASE WHEN a.version = p.version THEN a.staged END AS prepared,
             s.first_sent_at AS "firstSentAt", s.last_sent AS "lastSent", clock_timestamp() AS now
           FROM social_publisher.social_posts p
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           LEFT JOIN social_publisher.publish_attempts a ON a.post_id = p.id AND a.state = 'prepared'
           LEFT JOIN LATERAL (
             SELECT min(e.sent_at) AS first_sent_at,
               (array_agg(json_build_object('content', e.content, 'mode', e.mode, 'staged', e.staged,
                 'scheduledAt', e.scheduled_at) ORDER BY e.run DESC))[1] AS last_sent
             FROM social_publisher.publish_attempts e
             WHERE e.post_id = p.id AND e.sent_at IS NOT NULL HAVING count(*) > 0
           ) s ON true
           WHERE p.id = ANY ($1::uuid[])`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

const stagedMedia = z.array(z.object({ index: z.number(), id: z.string(), at: z.string() }));

const sentAttempt = z.object({
  content: z.object({
    message: z.string().nullable(),
    link: z.string().nullable(),
    media: z.array(mediaItemSchema),
  }),
  mode: z.enum(['draft', 'schedule', 'publish']),
  staged: stagedMedia,
  scheduledAt: z.string().nullable(),
});

export interface SentBefore {
  readonly content: PostContent;
  readonly mode: PublishMode;
  readonly staged: readonly StagedMedium[];
  readonly scheduledAt: Date | null;
  readonly firstSentAt: Date;
}

export function sentBefore(row: PublishRow): SentBefore | null {
  if (row.firstSentAt === null) return null;
  const { content, mode, staged, scheduledAt } = sentAttempt.parse(row.lastSent);
  const at = scheduledAt === null ? null : new Date(scheduledAt);
  return { content, mode, staged, scheduledAt: at, firstSentAt: row.firstSentAt };
}

export function preparedMedia(row: PublishRow): readonly StagedMedium[] {
  return row.prepared === null ? [] : stagedMedia.parse(row.prepared);
}

/** The content of a row, or what is wrong with its media: a calendar writes that column itself. */
export function readContent(row: {
  readonly message: string | null;
  readonly link: string | null;
  readonly media: unknown;
}): { readonly content: PostContent; readonly problem: MediaProblem | null } {
  const parsed = z.array(mediaItemSchema).safeParse(row.media);
  const content = { message: row.message, link: row.link, media: parsed.data ?? [] };
  const [issue] = parsed.error?.issues ?? [];
  if (issue === undefined) return { content, problem: null };
  const path = issue.path.map((part) =>
    typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
  );
  return { content, problem: { path: `media${path.join('')}`, message: issue.message } };
}

export interface MediaProblem {
  readonly path: string;
  readonly message: string;
}

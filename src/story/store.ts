import type { Sql } from '../db/client.ts';

export interface PostEvent {
  readonly at: Date;
  readonly type: string;
  readonly from_status: string | null;
  readonly to_status: string;
  readonly version: number;
  readonly data: unknown;
}

/** Everything that happened to a post's status, oldest first. */
export async function listPostEvents(sql: Sql, id: string): Promise<PostEvent[]> {
  return sql.query<PostEvent>({
    text: `SELECT at, type, from_status, to_status, version, data
             FROM social_publisher.events WHERE post_id = $1 ORDER BY id`,
    values: [id],
  });
}

export interface AttemptFacts {
  readonly id: string;
  readonly run: number;
  readonly version: number;
  readonly state: string;
  readonly mode: string;
  readonly started_at: Date;
  readonly sent_at: Date | null;
  /** Until then the attempt belongs to its worker. */
  readonly owned_until: Date | null;
  /** What it has made hidden at the network, and since when it is known to be there. */
  readonly hidden_id: string | null;
  readonly hidden_at: Date | null;
  /** Prepared, and no worker's. */
  readonly resting: boolean;
  /** What lost answers may have left hidden. */
  readonly orphans: unknown;
  readonly settled_at: Date | null;
  readonly external_id: string | null;
  readonly error: unknown;
  readonly calls: unknown;
  readonly staged: unknown;
  readonly looks: number;
  readonly look_at: Date | null;
  readonly evidence: unknown;
}

/** Every attempt of a post, oldest first, with what only the operator may see. */
export async function listAttemptFacts(sql: Sql, postId: string): Promise<AttemptFacts[]> {
  return sql.query<AttemptFacts>({
    text: `SELECT id, run, version, state, mode, started_at, sent_at, owned_until, hidden_id, hidden_at, resting,
             orphans, settled_at, external_id, error,
             calls, staged, looks, look_at, evidence
             FROM social_publisher.publish_attempts WHERE post_id = $1 ORDER BY run, id`,
    values: [postId],
  });
}

export interface PostFacts {
  readonly id: string;
  readonly run: number;
  readonly tries: number;
  readonly effective_mode: string | null;
  readonly scheduled_at: Date | null;
  readonly next_run_at: Date | null;
  readonly lease_until: Date | null;
  readonly verify_at: Date | null;
  readonly verifications: number;
  readonly seen_at: Date | null;
  readonly missing_at: Date | null;
  readonly change_at: Date | null;
  readonly resend: boolean;
  readonly tenant: string;
  readonly late_limit_s: number;
  readonly auto_publish: boolean;
  readonly provider: string;
  readonly account: string;
  readonly account_name: string | null;
  readonly integration_status: string;
  readonly held_until: Date | null;
  readonly held_text: string | null;
  readonly pauses: readonly string[];
  readonly fenced_at: Date | null;
  readonly now: Date;
}

/** What decides about a post's next step, beside its own status. */
export async function readPostFacts(sql: Sql, postId: string): Promise<PostFacts | undefined> {
  const [row] = await sql.query<PostFacts>({
    text: `SELECT p.id, p.run, p.tries, p.effective_mode, p.scheduled_at, p.next_run_at, p.lease_until, p.verify_at, p.verifications, p.seen_at,
             p.missing_at, p.change_at, p.resend, t.name AS tenant, t.late_limit_s, t.auto_publish, i.provider,
             i.external_account_id AS account, i.name AS account_name, i.status AS integration_status, i.held_until,
             i.held_for ->> 'text' AS held_text,
             ARRAY (SELECT w.scope || coalesce(': ' || w.reason, '') FROM social_publisher.pauses w
                    WHERE w.scope = 'all' OR w.target IN (p.provider, p.tenant_id::text, p.integration_id::text)) AS pauses,
             (SELECT fenced_at FROM social_publisher.instance WHERE id = 1) AS fenced_at, clock_timestamp() AS now
             FROM social_publisher.social_posts p
             JOIN social_publisher.tenants t ON t.id = p.tenant_id
             JOIN social_publisher.integrations i ON i.id = p.integration_id WHERE p.id = $1`,
    values: [postId],
  });
  return row;
}

export interface ReplayOfPost {
  readonly replay_id: string;
  readonly created_by: string;
  readonly created_at: Date;
  readonly state: string;
  readonly run_at: Date;
  readonly result: unknown;
}

export async function listReplaysOfPost(sql: Sql, postId: string): Promise<ReplayOfPost[]> {
  return sql.query<ReplayOfPost>({
    text: `SELECT r.id AS replay_id, r.created_by, r.created_at, i.state, i.run_at, i.result
             FROM social_publisher.replay_items i JOIN social_publisher.replays r ON r.id = i.replay_id
            WHERE i.post_id = $1 ORDER BY r.id`,
    values: [postId],
  });
}

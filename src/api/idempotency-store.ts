import type { Sql } from '../db/client.ts';

export interface KeyOfRequest {
  /** A tenant's id, or `operator`. */
  readonly scope: string;
  readonly key: string;
  readonly requestHash: string;
}

/** How a claimed request is told from the one that takes it over later. */
export interface Claim extends KeyOfRequest {
  readonly lockedUntil: Date;
  /** When the first of these equal requests came. */
  readonly since: Date;
}

export interface StoredAnswer {
  readonly status: number;
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** The body is sealed by the vault, because it holds a secret. */
  readonly sealed: boolean;
}

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'answered'; readonly answer: StoredAnswer }
  | { readonly kind: 'in_progress'; readonly lockedUntil: Date }
  | { readonly kind: 'reused' };

interface Row {
  readonly requestHash: string;
  readonly response: StoredAnswer | null;
  readonly lockedUntil: Date;
}

const keptDays = 30;

/**
 * Claims the key for this request, or says what became of it. One statement, so that of several equal requests at
 * once exactly one runs; a claim whose lock has passed belonged to a process that died, and is taken over.
 */
export async function claimKey(
  sql: Sql,
  request: KeyOfRequest,
  lockMs: number,
): Promise<ClaimOutcome> {
  for (;;) {
    const [claimed] = await sql.query<Pick<Claim, 'lockedUntil' | 'since'>>(
      claimStatement(request, lockMs),
    );
    if (claimed !== undefined) return { kind: 'claimed', claim: { ...request, ...claimed } };
    const found = await findKey(sql, request);
    // Forgotten between the two statements: free again.
    if (found !== undefined) return judge(found, request.requestHash);
  }
}

/** Keeps the answer for repetitions. Nothing happens when the claim was taken over meanwhile. */
export async function keepAnswer(sql: Sql, claim: Claim, answer: StoredAnswer): Promise<void> {
  await sql.query({
    name: 'keep_idempotent_answer',
    text: `UPDATE social_publisher.idempotency_keys SET status = $4, response = $5
            WHERE scope = $1 AND key = $2 AND locked_until = $3 AND status IS NULL`,
    values: [claim.scope, claim.key, claim.lockedUntil, answer.status, JSON.stringify(answer)],
  });
}

/**
 * Lets the same request be sent again. The row stays, as the effect may have happened all the same: a repetition
 * must find what it made under the same ids, and another body is still refused.
 */
export async function releaseKey(sql: Sql, claim: Claim): Promise<void> {
  await sql.query({
    text: `UPDATE social_publisher.idempotency_keys SET locked_until = clock_timestamp() - interval '1 second'
            WHERE scope = $1 AND key = $2 AND locked_until = $3 AND status IS NULL`,
    values: [claim.scope, claim.key, claim.lockedUntil],
  });
}

/**
 * Kept answers that show these integrations are forgotten, as what they tell of people must be: the same request would
 * run again, under the same ids.
 */
export async function forgetAnswersAbout(
  sql: Sql,
  integrations: readonly { readonly tenantId: string; readonly integrationId: string }[],
): Promise<void> {
  await sql.query({
    text: `UPDATE social_publisher.idempotency_keys k
           SET status = NULL, response = NULL, locked_until = clock_timestamp() - interval '1 second'
           FROM jsonb_to_recordset($1::jsonb) AS i("tenantId" text, "integrationId" text)
           WHERE k.scope = i."tenantId" AND k.response ->> 'body' LIKE '%"external_account_id"%'
             AND k.response ->> 'body' LIKE '%"' || i."integrationId" || '"%'`,
    values: [JSON.stringify(integrations)],
  });
}

function claimStatement({ scope, key, requestHash }: KeyOfRequest, lockMs: number) {
  return {
    name: 'claim_idempotency_key',
    text: `INSERT INTO social_publisher.idempotency_keys AS k (scope, key, request_hash, locked_until, created_at)
           VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4::float8 / 1000), clock_timestamp())
           ON CONFLICT (scope, key) DO UPDATE
              SET request_hash = EXCLUDED.request_hash, status = NULL, response = NULL,
                  locked_until = EXCLUDED.locked_until,
                  created_at = CASE WHEN k.created_at < clock_timestamp() - make_interval(days => $5)
                                    THEN EXCLUDED.created_at ELSE k.created_at END
            WHERE k.created_at < clock_timestamp() - make_interval(days => $5)
               OR (k.status IS NULL AND k.locked_until < clock_timestamp() AND k.request_hash = EXCLUDED.request_hash)
           RETURNING locked_until AS "lockedUntil", created_at AS since`,
    values: [scope, key, requestHash, lockMs, keptDays],
  };
}

async function findKey(sql: Sql, { scope, key }: KeyOfRequest): Promise<Row | undefined> {
  const [found] = await sql.query<Row>({
    name: 'find_idempotency_key',
    text: `SELECT request_hash AS "requestHash", response, locked_until AS "lockedUntil"
             FROM social_publisher.idempotency_keys WHERE scope = $1 AND key = $2`,
    values: [scope, key],
  });
  return found;
}

function judge(found: Row, requestHash: string): ClaimOutcome {
  if (found.requestHash !== requestHash) return { kind: 'reused' };
  if (found.response !== null) return { kind: 'answered', answer: found.response };
  return { kind: 'in_progress', lockedUntil: found.lockedUntil };
}

import { type AttemptView, attemptViewColumns, viewAttempt } from '../attempts/attempt.ts';
import type { Sql } from '../db/client.ts';
import { NotFoundError } from '../errors.ts';
import { pageBytes } from '../page-bytes.ts';
import { type PostRow, parsePostRows, postColumns } from '../posts/row.ts';
import type { Publishing } from '../providers/provider.ts';
import type { AuthorIntegration, AuthorScope } from './scope.ts';

/** What the author's side of posts needs of the program. */
export interface AuthorNeeds {
  readonly db: Sql;
  readonly publishers: ReadonlyMap<string, Publishing>;
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Something that is no id is the id of nothing: it is not found, as another tenant's is. */
function onlyIds(ids: readonly string[]): string[] {
  return [...new Set(ids.filter((id) => uuid.test(id)).map((id) => id.toLowerCase()))];
}

/** Throws NotFoundError for a tenant that is gone. */
export async function loadScope(
  { db, publishers }: AuthorNeeds,
  tenantId: string,
  integrationIds: readonly string[],
): Promise<AuthorScope> {
  const strays = integrationIds.filter((id) => !uuid.test(id));
  const [tenants, integrations, named] = await Promise.all([
    db.query<Pick<AuthorScope, 'timezone' | 'autoPublish' | 'lateLimitS' | 'now'>>({
      name: 'author_tenant',
      text: `SELECT timezone, auto_publish AS "autoPublish", late_limit_s AS "lateLimitS", clock_timestamp() AS now
             FROM social_publisher.tenants WHERE id = $1`,
      values: [tenantId],
    }),
    db.query<AuthorIntegration>({
      name: 'author_integrations',
      text: `SELECT id, provider, external_account_id AS "externalAccountId", app_id AS "appId",
               near_window_until AS "nearWindowUntil", capabilities
             FROM social_publisher.integrations WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`,
      values: [tenantId, onlyIds(integrationIds)],
    }),
    strays.length === 0 ? [] : findByAccount(db, tenantId, strays),
  ]);
  const [tenant] = tenants;
  if (tenant === undefined) throw new NotFoundError('not_found', 'There is no such tenant.');
  const byId = new Map(integrations.map((integration) => [integration.id, integration]));
  return { ...tenant, tenantId, integrations: byId, byAccount: new Map(named), publishers };
}

async function findByAccount(
  sql: Sql,
  tenantId: string,
  accounts: readonly string[],
): Promise<(readonly [account: string, id: string])[]> {
  const rows = await sql.query<{ account: string; id: string }>({
    name: 'author_integrations_by_account',
    text: `SELECT external_account_id AS account, id FROM social_publisher.integrations
           WHERE tenant_id = $1 AND external_account_id = ANY ($2::text[])`,
    values: [tenantId, [...new Set(accounts)]],
  });
  return rows.map(({ account, id }) => [account, id]);
}

/** Another tenant's posts are absent. */
export async function readPosts(
  sql: Sql,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PostRow>> {
  const rows = await sql.query({
    name: 'author_read_posts',
    text: `SELECT ${postColumns} FROM social_publisher.social_posts p
           WHERE p.tenant_id = $1 AND p.id = ANY ($2::uuid[])`,
    values: [tenantId, onlyIds(ids)],
  });
  return new Map(parsePostRows(rows).map((row) => [row.id, row]));
}

/** Throws NotFoundError. */
export async function getPost(sql: Sql, tenantId: string, id: string): Promise<PostRow> {
  const row = (await readPosts(sql, tenantId, [id])).get(id.toLowerCase());
  if (row === undefined) throw noSuchPost();
  return row;
}

export function noSuchPost(): NotFoundError {
  return new NotFoundError('not_found', 'There is no such post.');
}

export interface PostFilter {
  readonly statuses?: readonly string[] | undefined;
  readonly provider?: string | undefined;
  readonly integrationId?: string | undefined;
  readonly reference?: string | undefined;
  readonly externalId?: string | undefined;
  readonly attention?: boolean | undefined;
  readonly scheduledFrom?: Date | undefined;
  /** Exclusive. */
  readonly scheduledTo?: Date | undefined;
  readonly updatedSince?: Date | undefined;
}

/** One page of a list. */
export interface Listed<Row> {
  readonly rows: readonly Row[];
  /** They are large: there are more than these. */
  readonly isCut: boolean;
}

/** Newest first, those before the id `before`. */
export async function listPosts(
  sql: Sql,
  tenantId: string,
  filter: PostFilter,
  page: { readonly before: string | null; readonly limit: number },
): Promise<Listed<PostRow>> {
  const conditions = new Conditions();
  conditions.add('p.tenant_id = ?', tenantId);
  conditions.add('p.id < ?', page.before);
  conditions.add('p.status = ANY (?::text[])', filter.statuses);
  conditions.add('p.provider = ?', filter.provider);
  conditions.add('p.integration_id::text = ?', filter.integrationId?.toLowerCase());
  conditions.add('p.reference = ?', filter.reference);
  conditions.add('p.external_id = ?', filter.externalId);
  // Written out, or the index on posts that need attention would not be found.
  if (filter.attention === true) conditions.addFact('p.attention IS NOT NULL');
  if (filter.attention === false) conditions.addFact('p.attention IS NULL');
  conditions.add('p.scheduled_at >= ?', filter.scheduledFrom);
  conditions.add('p.scheduled_at < ?', filter.scheduledTo);
  conditions.add('p.updated_at >= ?', filter.updatedSince);
  const rows = await sql.query<Found>({
    text: onePage({
      alias: 'p',
      columns: postColumns,
      wide: ['message', 'media', 'metadata', 'error', 'attention', 'waiting', 'change'],
      selection: `SELECT p.* FROM social_publisher.social_posts p
                  WHERE ${conditions.text()} ORDER BY p.id DESC LIMIT ${conditions.place(page.limit)}`,
      order: 'p.id DESC',
    }),
    values: conditions.values,
  });
  return { rows: parsePostRows(rows), isCut: isCut(rows) };
}

interface Found {
  readonly found: number;
}

function isCut(rows: readonly Found[]): boolean {
  return (rows[0]?.found ?? 0) > rows.length;
}

/** Of a selection the rows that fit on a page, by their wide columns; of the others nothing is even read. */
function onePage({ alias, columns, wide, selection, order }: OnePage): string {
  // Of a text that was stored apart this reads the length alone.
  const size = wide.map((column) => `coalesce(octet_length(${column}::text), 0)`).join(' + ');
  return `SELECT ${columns}, ${alias}.found FROM (
            SELECT ${alias}.*, (count(*) OVER ())::int AS found,
              sum(${size}) OVER (ORDER BY ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
            FROM (${selection}) ${alias}) ${alias}
          WHERE coalesce(${alias}.bytes_before, 0) < ${pageBytes} ORDER BY ${order}`;
}

interface OnePage {
  /** Of the table, in all of these texts. */
  readonly alias: string;
  readonly columns: string;
  readonly wide: readonly string[];
  readonly selection: string;
  readonly order: string;
}

/** Only what was asked for goes into the statement, so that each mix of filters gets its own plan. */
class Conditions {
  readonly values: unknown[] = [];
  readonly #texts: string[] = [];

  /** Nothing was asked where the value is absent. */
  add(text: string, value: unknown): void {
    if (value === undefined || value === null) return;
    this.#texts.push(text.replace('?', this.place(value)));
  }

  addFact(text: string): void {
    this.#texts.push(text);
  }

  place(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  text(): string {
    return this.#texts.join(' AND ');
  }
}

/** Newest first, those before the attempt `before`. Throws NotFoundError for another tenant's post. */
export async function listAttempts(
  sql: Sql,
  post: { readonly tenantId: string; readonly id: string },
  page: { readonly before: string | null; readonly limit: number },
): Promise<Listed<AttemptView>> {
  await getPost(sql, post.tenantId, post.id);
  const rows = await sql.query<Found>({
    name: 'author_list_attempts',
    text: onePage({
      alias: 'a',
      columns: attemptViewColumns,
      wide: ['calls', 'error', 'evidence'],
      selection: `SELECT a.* FROM social_publisher.publish_attempts a
                  WHERE a.post_id = $1 AND (a.run, a.id) < (coalesce(
                      (SELECT b.run FROM social_publisher.publish_attempts b WHERE b.id = $2 AND b.post_id = $1),
                      2147483647), coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
                  ORDER BY a.run DESC, a.id DESC LIMIT $3`,
      order: 'a.run DESC, a.id DESC',
    }),
    values: [post.id, page.before, page.limit],
  });
  return { rows: rows.map(viewAttempt), isCut: isCut(rows) };
}

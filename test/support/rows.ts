import { randomUUID } from 'node:crypto';
import type { ProvenAccount } from '../../src/connecting/save-store.ts';
import type { Database } from '../../src/db/client.ts';
import { Secret } from '../../src/secret.ts';
import { Vault } from '../../src/vault.ts';

export const testKey = { id: 'k1', key: Buffer.from('the thirty-two bytes of the test') } as const;
export const testVault = new Vault([testKey]);

export interface TestIntegration {
  readonly tenantId: string;
  readonly integrationId: string;
  readonly accountId: string;
}

let made = 0;

const shown = { value: 'yes', seen_at: '2026-11-20T12:00:00.000Z' };
const proving = {
  lists_drafts: shown,
  lists_scheduled: shown,
  lists_published: shown,
  hidden_text: shown,
  hidden_link: shown,
  hidden_photos: shown,
};

/** A tenant with one active integration whose token opens with `testVault`. */
export async function anIntegration(
  db: Database,
  options: {
    autoPublish?: boolean;
    accountId?: string;
    token?: string;
    lateLimitS?: number;
    /** Whether its lists have shown posts of ours before, so that a look can prove that one is absent. */
    proves?: boolean;
  } = {},
): Promise<TestIntegration> {
  made += 1;
  const accountId = options.accountId ?? `${100_000 + made}`;
  const tenant = await db.prisma.tenant.create({
    data: {
      name: `Tenant ${made}`,
      autoPublish: options.autoPublish ?? false,
      lateLimitS: options.lateLimitS ?? 7200,
    },
  });
  const integration = await db.prisma.integration.create({
    data: {
      tenantId: tenant.id,
      provider: 'facebook',
      externalAccountId: accountId,
      capabilities: options.proves === false ? {} : proving,
    },
  });
  const binding = { tenantId: tenant.id, integrationId: integration.id };
  await db.prisma.integration.update({
    where: { id: integration.id },
    data: { sealedToken: testVault.seal(new Secret(options.token ?? 'token'), binding) },
  });
  return { tenantId: tenant.id, integrationId: integration.id, accountId };
}

export interface TestPost {
  readonly message?: string;
  readonly link?: string;
  readonly appendLink?: boolean;
  readonly media?: readonly object[];
  readonly publishMode?: 'draft' | 'schedule' | 'publish' | null;
  readonly scheduledAt?: Date | null;
  readonly status?: string;
}

/** Rows as a calendar writes them: the author's columns only. */
export async function somePosts(
  db: Database,
  owner: TestIntegration,
  posts: readonly TestPost[],
): Promise<string[]> {
  const rows = await db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.social_posts
             (tenant_id, integration_id, status, message, link, append_link, media, publish_mode, scheduled_at)
           SELECT $1, $2, x.* FROM jsonb_to_recordset($3::jsonb)
             AS x (status text, message text, link text, append_link boolean, media jsonb, publish_mode text, scheduled_at timestamptz)
           RETURNING id`,
    values: [
      owner.tenantId,
      owner.integrationId,
      JSON.stringify(
        posts.map((post) => ({
          status: post.status ?? 'approved',
          message: post.message ?? 'hello',
          link: post.link ?? null,
          append_link: post.appendLink ?? false,
          media: post.media ?? [],
          publish_mode: post.publishMode ?? null,
          scheduled_at: post.scheduledAt ?? null,
        })),
      ),
    ],
  });
  return rows.map((row) => row.id);
}

export interface PostRow {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly run: number;
  readonly tries: number;
  readonly external_id: string | null;
  readonly publish_url: string | null;
  readonly error: { class: string; key: string } | null;
  readonly attention: { reason: string } | null;
  readonly waiting: { reason: string; until: string | null } | null;
  readonly effective_mode: string | null;
  readonly next_run_at: Date | null;
  readonly lateness_ms: number | null;
  readonly scheduled_at: Date | null;
  readonly published_at: Date | null;
  readonly prepared_at: Date | null;
}

export async function readPost(db: Database, id: string): Promise<PostRow> {
  const [row] = await db.query<PostRow>({
    name: 'test_read_post',
    text: 'SELECT * FROM social_publisher.social_posts WHERE id = $1',
    values: [id],
  });
  if (row === undefined) throw new Error(`no post ${id}`);
  return row;
}

/** As a proof of a token that ends with its consent leaves it. */
export function aProvenAccount(given: {
  readonly tenantId: string;
  /** Of the Page. */
  readonly id: string;
  readonly token: string;
}): ProvenAccount {
  const { tenantId } = given;
  return {
    tenantId,
    provider: 'facebook',
    externalAccountId: given.id,
    name: null,
    username: null,
    appId: '',
    login: 'facebook',
    userId: null,
    expiresAt: null,
    dataAccessExpiresAt: null,
    issuedAt: null,
    scopes: null,
    tasks: null,
    seen: {},
    renewal: null,
    consent: null,
    newId: randomUUID(),
    seal: (integrationId) => testVault.seal(new Secret(given.token), { tenantId, integrationId }),
  };
}

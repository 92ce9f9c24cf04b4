import { createTestApi, type TestApi, type TestTenant } from './api.ts';
import { networksAt } from './networks.ts';

/** The API with the real rules of the real providers, whose network is never reached. */
export function createPostsApi(): Promise<TestApi> {
  return createTestApi({ providers: networksAt({ prepareAheadMs: 120_000 }) });
}

export interface Author extends TestTenant {
  readonly integrationId: string;
}

let accounts = 0;

/** A tenant with an integration, and its key. */
export async function anAuthor(api: TestApi, settings: object = {}): Promise<Author> {
  const tenant = await api.createTenant(settings);
  accounts += 1;
  const { id } = await api.db.prisma.integration.create({
    data: {
      tenantId: tenant.id,
      provider: 'facebook',
      externalAccountId: String(700_000 + accounts),
    },
  });
  return { ...tenant, integrationId: id };
}

/** Moves a post as the program would. */
export async function moveTo(api: TestApi, id: string, status: string, more = ''): Promise<void> {
  await api.db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, status = $2, run = 1 ${more} WHERE id = $1`,
    values: [id, status],
  });
}

export async function anAttempt(
  api: TestApi,
  post: { readonly id: string; readonly run?: number },
  state: string,
): Promise<string> {
  const [row] = await api.db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.publish_attempts
             (post_id, integration_id, run, version, state, mode, content_hash, content, budget_key, sent_at)
           SELECT p.id, p.integration_id, $4, p.version, $2, 'publish', $5, '{}', 'facebook::1', $3
           FROM social_publisher.social_posts p WHERE p.id = $1 RETURNING id`,
    values: [
      post.id,
      state,
      state === 'prepared' ? null : new Date(),
      post.run ?? 1,
      `${post.id} ${post.run ?? 1}`,
    ],
  });
  return row?.id ?? '';
}

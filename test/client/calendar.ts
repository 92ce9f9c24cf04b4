/**
 * A calendar that talks to the API through a client generated from /openapi.json, as its developers would write it: the
 * README's example over HTTP. Not part of the program's own type check, as `api.ts` is made while the tests run.
 */
import createClient from 'openapi-fetch';
import type { components, paths } from './api.ts';

type Post = components['schemas']['Post'];
type NewTenant = components['schemas']['NewTenant'];
type NewPost = components['schemas']['PostInput'];
type EventType = components['schemas']['Event']['type'];

const {
  API_URL: baseUrl = '',
  OPERATOR_TOKEN: operatorToken = '',
  PAGE_ID: pageId = '',
  PAGE_TOKEN: pageToken = '',
  DUE_AT: dueAt = '',
} = process.env;

const as = (token: string) =>
  createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });

/** What a refusal says is typed as well as an answer is. */
function answered<Data>({
  data,
  error,
}: {
  data?: Data;
  error?: components['schemas']['Problem'];
}) {
  if (data !== undefined) return data;
  const rules = error?.errors?.map(({ path, rule }) => `${path} ${rule}`) ?? [];
  throw new Error(`${error?.code}: ${error?.detail} ${rules.join(', ')}`);
}

const operator = as(operatorToken);
const newTenant: NewTenant = { name: 'Corner Bakery' };
const tenant = answered(await operator.POST('/v1/tenants', { body: newTenant }));
const { key } = answered(
  await operator.POST('/v1/tenants/{id}/api-keys', {
    params: { path: { id: tenant.id } },
    body: { name: 'calendar' },
  }),
);

const api = as(key);
const integration = answered(
  await api.POST('/v1/integrations', {
    body: { provider: 'facebook', external_account_id: pageId, access_token: pageToken },
  }),
);

const wanted: NewPost = {
  integration_id: integration.id,
  message: 'Fresh sourdough from seven',
  scheduled_at: dueAt,
};
const verdict = answered(await api.POST('/v1/posts/validate', { body: wanted }));
const created = answered(
  await api.POST('/v1/posts', {
    body: wanted,
    params: { header: { 'Idempotency-Key': 'jan-02' } },
  }),
);
const approved = answered(
  await api.POST('/v1/posts/{id}/approve', { params: { path: { id: created.id } } }),
);

const post = await settled(created.id);
const attempts = answered(
  await api.GET('/v1/posts/{id}/attempts', { params: { path: { id: post.id } } }),
);
const listed: components['schemas']['PostList'] = answered(
  await api.GET('/v1/posts', { params: { query: { limit: 5, status: 'scheduled' } } }),
);
const events = answered(await api.GET('/v1/events', { params: { query: { after: 0 } } }));
const later = answered(
  await api.GET('/v1/events', { params: { query: { after: events.next_cursor } } }),
);
const refused = await api.POST('/v1/posts', {
  body: { ...wanted, status: 'approved', media: [{ type: 'video', url: 'https://example.com/v' }] },
});

process.stdout.write(
  JSON.stringify({
    zone: tenant.timezone,
    mode: verdict.plan?.effective_mode,
    created: created.status,
    warnings: created.warnings?.map(({ rule }) => rule),
    approved: approved.status,
    post: told(post),
    hidden: attempts.data.map(({ hidden_id }) => hidden_id === post.external_id),
    calls: attempts.data.flatMap(({ calls, error }) => calls.map(({ effect }) => error ?? effect)),
    listed: listed.data.map(({ id }) => id === post.id),
    events: events.data.map(({ type }): EventType => type),
    later: later.data.length,
    refused: { code: refused.error?.code, rule: refused.error?.errors?.[0]?.rule },
  }),
);

/** Everything that a post says of its fate. */
function told({
  status,
  external_id,
  prepared_at,
  error,
  waiting,
  attention,
  change,
  media,
}: Post) {
  return {
    status,
    external_id,
    prepared_at,
    error: error === null ? null : `${error.who}: ${error.action} (${error.class})`,
    waiting:
      waiting === null ? null : `${waiting.reason} until ${waiting.until ?? 'a person acts'}`,
    attention: attention?.evidence.map(({ url }) => url) ?? attention?.choices ?? null,
    change: change === null ? null : `${change.kind} ${change.state}: ${change.error?.message}`,
    media: media.map(({ type, url, alt_text }) => `${type} ${url} ${alt_text}`),
  };
}

async function settled(id: string): Promise<Post> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const read = answered(await api.GET('/v1/posts/{id}', { params: { path: { id } } }));
    if (!['approved', 'queued', 'publishing'].includes(read.status)) return read;
    if (Date.now() > deadline) throw new Error(`The post is still ${read.status}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends, redisUrl } from '../../support/redis.ts';
import type { RoleProcess } from '../../support/role-process.ts';
import { anIntegration } from '../../support/rows.ts';

const app = { id: '7700770077', secret: 'planted-app-secret-0123456789' };
/** Nothing in its shape says what it is. */
const plainToken = 'seven-plain-words-nobody-takes-for-one';
const requestSchema = z.looseObject({
  method: z.string(),
  path: z.string(),
  params: z.record(z.string(), z.unknown()),
  token_in: z.string().nullable(),
  has_appsecret_proof: z.boolean(),
});

const idsOnly = z.strictObject({ postId: z.uuid(), run: z.int() });

// Invariants 8 and 10: tokens are secrets, and there is one error record.
describe.each(queueBackends())('what is kept of a post over %s', (backend) => {
  let it: Pipeline;
  let outlet: Outlet;
  const processes: RoleProcess[] = [];

  beforeAll(async () => {
    it = await openPipeline(backend, {
      env: { META_APP_ID: app.id, META_APP_SECRET: app.secret, GRAPH_TIMEOUT_MS: '2000' },
    });
    await it.meta.control('POST', 'apps', { ...app, require_appsecret_proof: true });
    const { id } = await it.meta.page({ app_id: app.id });
    const token = { page_id: id, app_id: app.id, access_token: plainToken };
    await it.meta.control('POST', 'tokens', token);
    const owner = await anIntegration(it.fleet.db, { accountId: id, token: plainToken });
    outlet = { ...owner, page: { id, token: plainToken } };
    const roles = ['scheduler', 'publisher', 'background'] as const;
    processes.push(
      ...(await Promise.all(roles.map((role) => it.spawn(role, { LOG_LEVEL: 'debug' })))),
    );
    await everyKindOfEnd();
  });
  afterAll(() => it.close());

  const photo = () => ({ type: 'image', url: it.meta.image(1) });
  /** Good and bad ends, with errors that quote the token as Meta and proxies do. */
  const everyKindOfEnd = async () => {
    const quote = `Error validating ${outlet.page.token}, sorry`;
    const ends = async (message: string, fault: object | null, edge = 'feed') => {
      if (fault !== null) await it.fault(outlet, edge, fault);
      const media = edge === 'photos' ? [photo()] : [];
      const id = await it.post(outlet, { message, media });
      await until(`${message} has ended`, async () => {
        const row = await it.row(id);
        return !['approved', 'queued', 'publishing'].includes(row.status) || row.error !== null;
      });
      return id;
    };
    const good = await ends('good', null);
    await ends('album', null, 'photos');
    await it.force(good, 'verify_at = now()');
    await until('the read-back was made', async () =>
      (await it.calls(outlet)).some((call) => call.startsWith('GET')),
    );
    await ends('refused', { kind: 'error', code: 506, message: quote });
    await ends('bad photo', { kind: 'error', code: 5101, message: quote }, 'photos');
    await ends('lost', { kind: 'timeout', when: 'after' });
    await ends('html', { kind: 'html_502', when: 'after' });
    await ends('dead', { kind: 'error', code: 190, message: quote });
  };
  const secrets = () => [outlet.page.token, app.secret];

  test('every call carries its token in a header and proves the app', async () => {
    const requests = z.array(requestSchema).parse(await it.meta.requests(outlet.page.id));
    expect(requests.length).toBeGreaterThan(8);
    expect(new Set(requests.map((request) => request.token_in))).toEqual(new Set(['header']));
    expect(new Set(requests.map((request) => request.has_appsecret_proof))).toEqual(
      new Set([true]),
    );
    for (const request of requests)
      expect(Object.keys(request.params)).not.toContain('access_token');
  });

  test('no log line at any level holds a secret', () => {
    const written = processes.map((child) => child.output()).join('\n');
    expect(written).toContain('graph called');
    expect(written).toContain('post not published');
    for (const secret of secrets()) expect(written).not.toContain(secret);
  });

  test('no table holds one, but for the sealed token', async () => {
    const { db } = it.fleet;
    const tables = await db.query<{ name: string }>({
      text: `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
             WHERE table_schema IN ('social_publisher', 'social_publisher_queue', 'public')
               AND table_type = 'BASE TABLE'`,
    });
    expect(tables.map((table) => table.name)).toContain('social_publisher.events');
    for (const { name } of tables) {
      const rows = await db.query<{ row: string }>({
        text: `SELECT (to_jsonb(t) - 'sealed_token')::text AS row FROM ${name} t`,
      });
      const text = rows.map(({ row }) => row).join('\n');
      for (const secret of secrets()) expect(text, name).not.toContain(secret);
    }
    const [sealed] = await db.query<{ token: string }>({
      text: 'SELECT sealed_token AS token FROM social_publisher.integrations WHERE id = $1',
      values: [outlet.integrationId],
    });
    expect(sealed?.token).not.toContain(outlet.page.token);
  });

  test('no job holds one, and failed ones say what to do', async () => {
    const jobs = await it.fleet.services.queues.queue('facebook').getFailed();
    // Those whose post goes on by itself have done their work.
    expect(jobs.length).toBeGreaterThanOrEqual(2);
    const text = JSON.stringify(jobs) + (backend === 'redis' ? await everyRedisKey() : '');
    for (const secret of secrets()) expect(text).not.toContain(secret);
    for (const job of jobs) expect(() => idsOnly.parse(job.data)).not.toThrow();
    expect(jobs.map((job) => job.failedReason).join('\n')).toContain('→');
  });

  test('post, attempt, event and job tell the same error', async () => {
    const rows = await it.fleet.db.query<{
      id: string;
      run: number;
      status: string;
      error: { class: string; message: string; action: string };
      attempt: object;
      event: object;
    }>({
      text: `SELECT p.id, p.run, p.status, p.error, a.error AS attempt,
               (SELECT e.data -> 'error' FROM social_publisher.events e
                WHERE e.post_id = p.id AND e.type = 'post.' || p.status ORDER BY e.id DESC LIMIT 1) AS event
             FROM social_publisher.social_posts p
             JOIN social_publisher.publish_attempts a ON a.post_id = p.id
             WHERE p.status IN ('failed', 'unknown')`,
    });
    expect(rows.length).toBeGreaterThanOrEqual(4);
    const queue = it.fleet.services.queues.queue('facebook');
    for (const { id, run, status, error, attempt, event } of rows) {
      expect(attempt).toEqual(error);
      // Events leave out what is null.
      expect(error).toMatchObject(event);
      if (status !== 'failed') continue;
      const job = await queue.getJob(`${id}-${run}`);
      expect(job?.failedReason).toContain(error.message.slice(0, 40));
      expect(job?.failedReason).toContain(error.action);
    }
  });

  const everyRedisKey = async () => {
    const client = new Redis(redisUrl());
    const keys = await client.keys(`${it.fleet.services.config.queuePrefix}:*`);
    const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    client.disconnect();
    return dumps.map((dump) => dump?.toString('latin1') ?? '').join('\n');
  };
});

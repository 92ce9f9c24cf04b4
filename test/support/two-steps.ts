import { z } from 'zod';
import { buildApi } from '../../src/api/server.ts';
import { dropLeftovers } from '../../src/jobs/drop-leftovers.ts';
import { enqueueClaimed } from '../../src/scheduler/maintenance.ts';
import { Secret } from '../../src/secret.ts';
import { until } from './fleet.ts';
import { type Outlet, type OutletOptions, openPipeline, type Pipeline } from './pipeline.ts';
import { queueBackends } from './redis.ts';
import { type TestPost, testVault } from './rows.ts';

const app = { id: '1010101010101010', secret: 'the-secret-of-the-sandbox-app' };
const countSchema = z.object({
  public: z.number(),
  scheduled: z.number(),
  hidden: z.number(),
  gone: z.number(),
});
const madeSchema = z.looseObject({ id: z.string() });
const tokenSchema = z.looseObject({ access_token: z.string() });
const answerSchema = z.looseObject({ status: z.unknown() });

/** Posts on the sandbox that are hidden first, in the words of those tests. */
export interface TwoSteps extends Pipeline {
  /** Of a tenant that publishes automatically. */
  outlet(options?: OutletOptions): Promise<Outlet>;
  /** A post for a minute from now, hidden at the sandbox already. */
  prepared(outlet: Outlet, post?: TestPost): Promise<string>;
  /** Its time comes, now or so much later. */
  falls(id: string, inMs?: number): Promise<void>;
  /** How many posts of the Page are in each state by now. */
  there(outlet: Outlet, message?: string): Promise<z.infer<typeof countSchema>>;
  /** Exactly one is public and nothing else is left; waits for neither. */
  isAlone(outlet: Outlet): Promise<boolean>;
  /** Of the latest attempt. */
  hiddenIdOf(id: string): Promise<string>;
  /** A fault for calls that reveal. */
  revealFault(outlet: Outlet, fault: object): Promise<void>;
  weather(outlet: Outlet, weather: object): Promise<void>;
  /** A person, or another app, writes a post on the Page; resolves with its id. */
  byHand(outlet: Outlet, post: object): Promise<string>;
  /** The integration is connected, with a token that works. */
  connects(outlet: Outlet): Promise<void>;
  /** The calls of the Page that were made with an effect in mind. */
  writes(outlet: Outlet): Promise<readonly string[]>;
  /** As if everything of the outlet had ended a while ago, and the job came by that deletes what is left. */
  later(outlet: Outlet): Promise<void>;
  /** Runs that job until nothing more of the Page is hidden. */
  isCleaned(outlet: Outlet): Promise<void>;
  /** As the author, over HTTP. */
  act(
    outlet: Outlet,
    id: string,
    action: string,
    body?: object,
  ): Promise<{ status: number; body: z.infer<typeof answerSchema> }>;
  sql(text: string, ...values: readonly unknown[]): Promise<void>;
}

export async function openTwoSteps(env: Readonly<Record<string, string>> = {}): Promise<TwoSteps> {
  const [backend = 'postgres'] = queueBackends().slice(-1);
  const it = await openPipeline(backend, {
    env: {
      META_APP_ID: app.id,
      META_APP_SECRET: app.secret,
      RECONCILE_INTERVAL_MS: '200',
      GRAPH_TIMEOUT_MS: '1500',
      ...env,
    },
  });
  await it.meta.control('POST', 'apps', app);
  const api = await buildApi(it.fleet.services, { checkAnswers: true });
  const sql = async (text: string, ...values: readonly unknown[]) => {
    await it.fleet.db.query({ text, values });
  };
  const there: TwoSteps['there'] = async ({ page }, message) => {
    const text = message === undefined ? '' : `&message=${encodeURIComponent(message)}`;
    const path = `ledger/count?page_id=${page.id}${text}`;
    return countSchema.parse(await it.meta.control('GET', path));
  };
  /** Posts that came to an end did so an hour ago: a trigger keeps others from saying so. */
  const age = (integrationId: string) =>
    it.fleet.db.transaction(async (tx) => {
      await tx.query({ text: `SET LOCAL session_replication_role = replica` });
      await tx.query({
        text: `UPDATE social_publisher.social_posts SET updated_at = updated_at - interval '1 hour'
               WHERE integration_id = $1 AND status IN ('failed', 'missed', 'cancelled')`,
        values: [integrationId],
      });
    });
  const later: TwoSteps['later'] = async ({ integrationId }) => {
    await sql(
      `UPDATE social_publisher.publish_attempts SET drop_at = NULL,
         look_at = CASE WHEN state = 'unknown' THEN look_at END, settled_at = settled_at - interval '1 hour',
         started_at = started_at - interval '1 hour' WHERE integration_id = $1`,
      integrationId,
    );
    await age(integrationId);
    await enqueueClaimed(it.fleet.services, dropLeftovers);
    // Who asks again before they are done would age what they look for until nobody looks any more.
    await until('the jobs are done', async () => {
      const { waiting, active } = await it.fleet.services.queues.counts('background');
      return waiting + active === 0;
    });
  };
  return {
    ...it,
    sql,
    there,
    later,
    outlet: (options = {}) => it.outlet({ autoPublish: true, ...options }),
    async prepared(outlet, post = {}) {
      const scheduledAt = new Date(Date.now() + 60_000);
      const id = await it.post(outlet, { publishMode: 'publish', scheduledAt, ...post });
      await until(`${id} is hidden`, async () => (await it.attempts(id))[0]?.hidden_id != null);
      await until(`${id} rests`, async () => (await it.row(id)).status === 'approved');
      return id;
    },
    async falls(id, inMs = 0) {
      // A worker that still has it would write when it was to go on.
      await until(`${id} rests`, async () => (await it.row(id)).status === 'approved');
      const at = `now() + interval '${inMs} milliseconds'`;
      await it.force(id, `scheduled_at = ${at}, next_run_at = ${at}`);
    },
    async isAlone(outlet) {
      const { public: shown, scheduled, hidden } = await there(outlet);
      return shown === 1 && scheduled === 0 && hidden === 0;
    },
    async hiddenIdOf(id) {
      const attempts = await it.attempts(id);
      return attempts.at(-1)?.hidden_id ?? '';
    },
    async revealFault({ page }, fault) {
      const match = { page_id: page.id, has_param: 'is_published' };
      await it.meta.control('POST', 'faults', { match, ...fault });
    },
    async weather({ page }, weather) {
      await it.meta.control('PATCH', `pages/${page.id}`, { weather });
    },
    async byHand({ page }, post) {
      return madeSchema.parse(await it.meta.control('POST', `pages/${page.id}/posts`, post)).id;
    },
    async connects({ tenantId, integrationId, page }) {
      const wanted = { type: 'page', page_id: page.id };
      const { access_token: token } = tokenSchema.parse(
        await it.meta.control('POST', 'tokens', wanted),
      );
      await sql(
        `UPDATE social_publisher.integrations
         SET tenant_id = $2, sealed_token = $3, status = 'active', error = NULL WHERE id = $1`,
        integrationId,
        tenantId,
        testVault.seal(new Secret(token), { tenantId, integrationId }),
      );
    },
    async writes(outlet) {
      const isObject = /^\d+_\d+$/;
      const calls = await it.calls(outlet);
      return calls
        .filter((call) => !call.startsWith('GET'))
        .map((call) => {
          const [method = '', path = ''] = call.split(' ');
          return isObject.test(path) ? `${method} post` : call;
        });
    },
    async isCleaned(outlet) {
      const isClean = async () => (await there(outlet)).hidden === 0;
      for (let times = 1; times <= 10 && !(await isClean()); times += 1) await later(outlet);
      await until('nothing is hidden any more', isClean, 5_000);
    },
    async act(outlet, id, action, body = {}) {
      const answer = await api.inject({
        method: 'POST',
        url: `/v1/posts/${id}/${action}`,
        headers: {
          authorization: 'Bearer an-operator-token-for-tests',
          'tenant-id': outlet.tenantId,
        },
        payload: body,
      });
      return { status: answer.statusCode, body: answerSchema.parse(answer.json()) };
    },
    async close() {
      await api.close();
      await it.close();
    },
  };
}

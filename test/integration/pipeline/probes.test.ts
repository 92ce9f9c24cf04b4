import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeIntegration } from '../../../src/jobs/probe-integration.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';

const app = { id: '7700770077', secret: 'an-app-secret-for-probes' };

const budgetKey = (outlet: Outlet) => `facebook::${outlet.page.id}`;

// What a probe may conclude, and what it costs. No queue has a part in it.
describe('a probe', () => {
  let it: Pipeline;

  beforeAll(async () => {
    const env = {
      META_APP_ID: app.id,
      META_APP_SECRET: app.secret,
      FACEBOOK_CALLS_PER_HOUR: '200',
    };
    it = await openPipeline('postgres', { env });
    await it.meta.control('POST', 'apps', app);
  });
  afterAll(() => it.close());

  /** An account that left `active` because something was not permitted. */
  const unhealthy = async () => {
    const outlet = await it.outlet({ page: { app_id: app.id } });
    const error = { class: 'permission', key: 'permission_missing', at: new Date().toISOString() };
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations
             SET status = 'needs_permission', error = $2, probe_at = clock_timestamp() WHERE id = $1`,
      values: [outlet.integrationId, JSON.stringify(error)],
    });
    return outlet;
  };
  const lose = (outlet: Outlet, scope: string) =>
    it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, remove_scopes: [scope] });
  const probe = ({ integrationId }: Outlet) => {
    const job = { id: 'by-hand', payload: { integrationId }, signal: new AbortController().signal };
    return probeIntegration.perform({ ...job, logger: it.fleet.services.log }, it.fleet.services);
  };
  const healthOf = async ({ integrationId }: Outlet) => {
    const [row] = await it.fleet.db.query<{ status: string; key: string | null }>({
      text: `SELECT status, error ->> 'key' AS key FROM social_publisher.integrations WHERE id = $1`,
      values: [integrationId],
    });
    return row;
  };
  const spend = (outlet: Outlet, calls: number) =>
    it.fleet.db.query({
      text: `INSERT INTO social_publisher.call_usage (budget_key, minute, calls)
             VALUES ($1, date_trunc('minute', clock_timestamp()), $2)`,
      values: [budgetKey(outlet), calls],
    });
  const spent = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ calls: number }>({
      text: `SELECT coalesce(sum(calls), 0)::int AS calls FROM social_publisher.call_usage
             WHERE budget_key = $1`,
      values: [budgetKey(outlet)],
    });
    return row?.calls;
  };

  test('heals an account whose token may publish', async () => {
    const outlet = await unhealthy();
    await probe(outlet);
    expect(await healthOf(outlet)).toEqual({ status: 'active', key: null });
  });

  test('does not heal one whose token may not publish, and says what is missing', async () => {
    const outlet = await unhealthy();
    await lose(outlet, 'pages_manage_posts');
    await probe(outlet);
    expect(await healthOf(outlet)).toEqual({ status: 'needs_permission', key: 'scope_missing' });
  });

  test('counts the calls that it made, and no others', async () => {
    const outlet = await unhealthy();
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'revoked' });
    await probe(outlet);
    expect(await it.calls(outlet)).toEqual(['GET me']);
    expect(await spent(outlet)).toBe(1);
  });

  test('that finds too few calls left books none and calls nobody', async () => {
    const outlet = await unhealthy();
    // A quarter of the hour's 200 is kept for publishing: two more may be read, and a probe may need three.
    await spend(outlet, 148);
    await probe(outlet);
    expect(await spent(outlet)).toBe(148);
    expect(await it.calls(outlet)).toEqual([]);
    expect(await healthOf(outlet)).toMatchObject({ status: 'needs_permission' });
  });
});

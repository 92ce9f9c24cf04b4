import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { saveIntegration } from '../../../src/connecting/save-store.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import { aProvenAccount } from '../../support/rows.ts';

const texts = (count: number, word: string) =>
  Array.from({ length: count }, (_, n) => ({ message: `${word} ${n}` }));
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000);

// Invariants 7 and 9: what a tenant did not ask for does not happen, and no tenant disturbs another.
describe.each(queueBackends())('tenants beside each other over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend, { env: { FACEBOOK_CALLS_PER_HOUR: '100000' } });
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());

  const left = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ count: number }>({
      text: `SELECT count(*)::int AS count FROM social_publisher.social_posts
             WHERE integration_id = $1 AND status IN ('approved', 'queued', 'publishing')`,
      values: [outlet.integrationId],
    });
    return row?.count ?? 0;
  };
  const setOptIn = (outlet: Outlet, value: boolean) =>
    it.fleet.db.query({
      text: 'UPDATE social_publisher.tenants SET auto_publish = $2 WHERE id = $1',
      values: [outlet.tenantId, value],
    });

  test('two thousand posts of one Page in front delay nobody', async () => {
    const flood = await it.outlet();
    const others = await Promise.all(Array.from({ length: 20 }, () => it.outlet()));
    await it.posts(flood, texts(2_000, 'flood'));
    await until('the flood is under way', async () => (await left(flood)) < 2_000);
    const ids = await Promise.all(others.map((outlet) => it.post(outlet, { message: 'other' })));
    for (const id of ids) await it.reaches(id, 'drafted');
    expect(await left(flood)).toBeGreaterThan(1_000);
    // The rest of it would only cost time here.
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'cancelled'
             WHERE integration_id = $1 AND status = 'approved'`,
      values: [flood.integrationId],
    });
    await it.restsAll(flood);
  });

  test('a dead token stops its own integration, whose posts wait and go out with a new one', async () => {
    const [dead, alive] = [await it.outlet(), await it.outlet()];
    const { page } = dead;
    await it.meta.control('PATCH', 'tokens', { page_id: page.id, state: 'revoked' });
    const ids = await it.posts(dead, texts(150, 'dead'));
    const elsewhere = await it.post(alive, { message: 'alive' });
    await it.reaches(elsewhere, 'drafted');
    await until('all wait', async () => {
      const rows = await Promise.all(ids.map((id) => it.row(id)));
      return rows.every(({ status }) => status === 'approved');
    });
    const rows = await Promise.all(ids.map((id) => it.row(id)));
    expect(new Set(rows.map((row) => row.tries))).toEqual(new Set([0]));
    const [integration] = await it.fleet.db.query<{ status: string; error: object }>({
      text: 'SELECT status, error FROM social_publisher.integrations WHERE id = $1',
      values: [dead.integrationId],
    });
    expect(integration).toMatchObject({
      status: 'needs_reconnect',
      error: { class: 'reauth', who: 'tenant_admin', provider_code: 190 },
    });
    // Those under way when it died, and no more.
    expect((await it.calls(dead)).length).toBeLessThanOrEqual(50);

    const token = z
      .object({ access_token: z.string() })
      .parse(await it.meta.control('POST', 'tokens', { page_id: page.id }));
    await saveIntegration(
      it.fleet.db,
      aProvenAccount({ tenantId: dead.tenantId, id: page.id, token: token.access_token }),
    );
    for (const id of ids) await it.reaches(id, 'drafted');
    expect(await it.meta.posts(page.id)).toHaveLength(150);
  });

  test('without the opt-in nothing is published, whatever a post asks for', async () => {
    const outlet = await it.outlet();
    const ids = await it.posts(outlet, [
      { message: 'no mode' },
      { message: 'a draft', publishMode: 'draft', scheduledAt: inMinutes(60) },
      { message: 'in an hour', scheduledAt: inMinutes(60) },
      { message: 'too near', scheduledAt: inMinutes(3) },
      { message: 'publish', publishMode: 'publish' },
      { message: 'publish later', publishMode: 'publish', scheduledAt: inMinutes(60) },
    ]);
    await it.restsAll(outlet);
    const rows = await Promise.all(ids.map((id) => it.row(id)));
    expect(rows.map((row) => row.status)).toEqual([
      'drafted',
      'drafted',
      'scheduled',
      'drafted',
      'failed',
      'failed',
    ]);
    expect(await published(outlet)).toEqual([false, false, false, false]);
  });

  test('a tenant that opts out while its post is queued is obeyed', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.fleet.stop();
    await it.fleet.start('scheduler');
    const id = await it.post(outlet, { publishMode: 'publish' });
    await it.reaches(id, 'queued');
    await setOptIn(outlet, false);
    await it.fleet.start('publisher');
    const row = await it.reaches(id, 'failed');
    expect(row.error).toMatchObject({ class: 'invalid', key: 'auto_publish_required' });
    expect(await it.calls(outlet)).toEqual([]);
  });

  test('a tenant that opts out while the photos are staged is obeyed', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.fault(outlet, 'photos', { kind: 'delay', delay_ms: 400 });
    const id = await it.post(outlet, {
      publishMode: 'publish',
      media: [{ type: 'image', url: it.meta.image(1) }],
    });
    await until('staging', async () => (await it.calls(outlet)).length === 1);
    await setOptIn(outlet, false);
    await until(
      'its worker stopped',
      async () => (await it.attempts(id))[0]?.state === 'abandoned',
    );
    await it.force(id, `lease_until = now() - interval '1 second'`);
    await it.sweep();
    const row = await it.reaches(id, 'failed');
    expect(row.error).toMatchObject({ key: 'auto_publish_required' });
    expect(await it.meta.posts(outlet.page.id)).toEqual([]);
  });

  /** What each visible call of the Page said about `published`. */
  const published = async (outlet: Outlet) => {
    const request = z.looseObject({ params: z.looseObject({ published: z.unknown() }) });
    const requests = await it.meta.requests(outlet.page.id);
    return requests
      .filter(({ path }) => path.endsWith('/feed'))
      .map((entry) => request.parse(entry).params.published);
  };
});

import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { buildApi } from '../../../src/api/server.ts';
import { openDatabase } from '../../../src/db/client.ts';
import { forgetFence, readFence } from '../../../src/fence/fence.ts';
import { enterFleet } from '../../../src/fence/fleet.ts';
import type { PauseScope } from '../../../src/integrations/pause.ts';
import { addPause, forgetPauses, removePause } from '../../../src/integrations/pause-store.ts';
import { viewFence } from '../../../src/unfencing/view.ts';
import { environmentOf, until } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { openTerminal } from '../cli/terminal.ts';

describe('the fence', () => {
  let it: Pipeline;

  beforeEach(async () => {
    it = await openPipeline('postgres', { env: { RECONCILE_INTERVAL_MS: '100' } });
    await readFence(it.fleet.services);
    return () => it.close();
  });

  const rewrite = async (set: string) => {
    await it.fleet.db.query({ text: `UPDATE social_publisher.instance SET ${set} WHERE id = 1` });
    forgetFence(it.fleet.db);
  };
  const isFenced = async () => (await viewFence(it.fleet.services)).fenced;
  const call = async (method: 'GET' | 'POST', url: string, payload?: object, tenant?: string) => {
    const app = await buildApi(it.fleet.services, { checkAnswers: true });
    const headers = {
      authorization: 'Bearer an-operator-token-for-tests',
      ...(tenant === undefined ? {} : { 'tenant-id': tenant }),
    };
    const answer = await app.inject({
      method,
      url,
      headers,
      ...(payload === undefined ? {} : { payload }),
    });
    await app.close();
    return { status: answer.statusCode, body: answer.json<unknown>() };
  };

  test('knows after the first start what the installation is', async () => {
    const [row] = await it.fleet.db.query<Record<string, unknown>>({
      text: `SELECT i.system_identifier = (pg_control_system()).system_identifier::text AS same, timeline_id,
               public_url, graph_host, fenced_at FROM social_publisher.instance i`,
    });
    expect(row).toEqual({
      same: true,
      timeline_id: 1,
      public_url: null,
      graph_host: 'loopback',
      fenced_at: null,
    });
  });

  test.each([
    ["system_identifier = '1'", 'system_identifier was 1'],
    ['timeline_id = 7', 'timeline was 7 and is 1'],
    ["database_id = '1.1'", 'the database'],
    ["graph_host = 'graph.facebook.com'", 'GRAPH_BASE_URL was graph.facebook.com'],
  ])('closes when %s', async (set, reason) => {
    await rewrite(set);
    expect((await readFence(it.fleet.services))?.reason).toContain(reason);
    expect(await isFenced()).toBe(true);
  });

  test('closes for another PUBLIC_URL of a process that starts, and not where none is configured', async () => {
    const first = await it.another({ PUBLIC_URL: 'https://one.example' });
    await (await enterFleet(first.services)).leave();
    await (await enterFleet(it.fleet.services)).leave();
    expect(await isFenced()).toBe(false);
    const second = await it.another({ PUBLIC_URL: 'https://two.example' });
    await (await enterFleet(second.services)).leave();
    expect((await readFence(second.services))?.reason).toBe(
      'PUBLIC_URL was https://one.example and is https://two.example.',
    );
    expect(await isFenced()).toBe(true);
  });

  test('degrades where the server does not tell what it is', async () => {
    await it.fleet.db.query({
      text: `DO $$ BEGIN
               IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fence_modest') THEN
                 CREATE ROLE fence_modest LOGIN PASSWORD 'modest';
               END IF;
             END $$`,
    });
    await it.fleet.db.query({ text: 'GRANT USAGE ON SCHEMA social_publisher TO fence_modest' });
    await it.fleet.db.query({
      text: 'GRANT ALL ON ALL TABLES IN SCHEMA social_publisher TO fence_modest',
    });
    for (const name of ['pg_control_system', 'pg_control_checkpoint']) {
      await it.fleet.db.query({ text: `REVOKE EXECUTE ON FUNCTION ${name}() FROM public` });
    }
    const url = new URL(it.databaseUrl);
    url.username = 'fence_modest';
    url.password = 'modest';
    const db = openDatabase({ url: url.href, maxConnections: 2 });
    const modest = { ...it.fleet.services, db };
    await rewrite("system_identifier = 'not this one'");
    expect(await readFence(modest)).toBeNull();
    await rewrite("graph_host = 'graph.facebook.com'");
    forgetFence(db);
    expect((await readFence(modest))?.reason).toContain('GRAPH_BASE_URL');
    await db.close();
  });

  test('stops a running fleet within seconds, a worker in the middle of its photos too', async () => {
    await it.fleet.start('scheduler', 'publisher');
    const outlet = await it.outlet({ autoPublish: true });
    await it.fault(outlet, 'photos', { kind: 'delay', delay_ms: 800 });
    const media = [{ type: 'image', url: it.meta.image(1) }];
    const id = await it.post(outlet, { message: 'half-way', publishMode: 'publish', media });
    await until('staging', async () => (await it.calls(outlet)).length > 0);
    await call('POST', '/v1/fence', { reason: 'about to restore' });
    const later = await it.post(outlet, { message: 'later', publishMode: 'publish' });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await it.meta.posts(outlet.page.id)).toEqual([]);
    expect(['queued', 'publishing', 'approved']).toContain((await it.row(id)).status);
    expect((await it.row(later)).status).toBe('approved');
  });

  test('lets posts be created, and says everywhere why nothing goes out', async () => {
    const outlet = await it.outlet();
    await call('POST', '/v1/fence', { reason: 'a disk was rolled back' });
    const body = { integration_id: outlet.integrationId, message: 'hello', status: 'approved' };
    expect((await call('POST', '/v1/posts', body, outlet.tenantId)).status).toBe(201);
    expect((await call('GET', '/statusz')).body).toMatchObject({
      fence: { reason: 'a disk was rolled back' },
    });
    const ready = JSON.stringify((await call('GET', '/readyz')).body);
    expect(ready).toMatch(/^\{"status":"ready","fenced":"Nothing is sent since .*"\}$/);
    expect((await call('GET', '/v1/fence')).body).toMatchObject({ fenced: true, unfencing: null });
    await rewrite('fenced_at = NULL, fence_reason = NULL');
    expect((await call('GET', '/readyz')).body).toEqual({ status: 'ready' });
  });

  test('asks a person about two that could be it, and holds what cannot be read', async () => {
    const since = new Date(Date.now() - 60_000).toISOString();
    const outlet = await it.outlet({ autoPublish: true });
    const dead = await it.outlet({ autoPublish: true });
    const twice = await it.post(outlet, { message: 'twice there', publishMode: 'publish' });
    const unread = await it.post(dead, { message: 'unread', publishMode: 'publish' });
    for (let n = 0; n < 2; n += 1) {
      await fetch(`${it.meta.url}/v26.0/${outlet.page.id}/feed`, {
        method: 'POST',
        headers: { authorization: `Bearer ${outlet.page.token}` },
        body: new URLSearchParams({ message: 'twice there' }),
      });
    }
    await it.meta.control('PATCH', 'tokens', { page_id: dead.page.id, state: 'revoked' });
    await rewrite("system_identifier = '1'");
    await readFence(it.fleet.services);
    expect((await call('POST', '/v1/unfence', { since })).status).toBe(202);
    await until('unfenced', async () => !(await isFenced()));
    expect((await viewFence(it.fleet.services)).unfencing).toMatchObject({
      ambiguous: 1,
      unseen: 1,
      bound: 0,
    });
    const asked = await it.row(twice);
    expect(asked).toMatchObject({ status: 'unknown', attention: { reason: 'restored_ambiguous' } });
    expect(asked.attention).toMatchObject({ evidence: [{}, {}] });
    expect(await it.row(unread)).toMatchObject({
      status: 'unknown',
      attention: null,
      waiting: { reason: 'reconcile' },
    });
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(2);

    // Its account works again: it is looked for, proven absent, and sent, once.
    await it.meta.control('PATCH', 'tokens', { page_id: dead.page.id, state: 'valid' });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'active', probe_at = NULL WHERE id = $1`,
      values: [dead.integrationId],
    });
    await it.fleet.start('scheduler', 'publisher', 'background');
    await it.reaches(unread, 'published');
    expect(await it.meta.posts(dead.page.id)).toHaveLength(1);
    expect((await it.row(twice)).status).toBe('unknown');
    const [, second] = await it.meta.posts(outlet.page.id);
    const answer = { outcome: 'live', external_id: second?.id };
    const resolved = await call('POST', `/v1/posts/${twice}/resolve`, answer, outlet.tenantId);
    expect(resolved.body).toMatchObject({ status: 'published', external_id: second?.id });
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(2);
  });

  test('reads nothing of what is paused while it is opened: it waits for the operator, not for tenants', async () => {
    const since = new Date(Date.now() - 60_000).toISOString();
    const [open, closed] = [await it.outlet(), await it.outlet()];
    const ids = [await it.post(open), await it.post(closed)];
    const pause = async (scope: PauseScope, target = '') => {
      const wanted = { id: randomUUID(), scope, target, reason: null, createdBy: 'operator' };
      await addPause(it.fleet.db, wanted);
      forgetPauses(it.fleet.db);
      return wanted.id;
    };
    await pause('integration', closed.integrationId);
    const all = await pause('all');
    await rewrite("system_identifier = '1'");
    await readFence(it.fleet.services);
    expect((await call('POST', '/v1/unfence', { since })).status).toBe(202);
    await until('it says what it waits for', async () =>
      JSON.stringify((await viewFence(it.fleet.services)).unfencing).includes(
        'Everything is paused',
      ),
    );
    expect([await it.calls(open), await it.calls(closed)]).toEqual([[], []]);

    await removePause(it.fleet.db, all);
    forgetPauses(it.fleet.db);
    await until('unfenced', async () => !(await isFenced()), 20_000);
    expect((await viewFence(it.fleet.services)).unfencing).toMatchObject({ absent: 1, unseen: 1 });
    expect((await it.calls(open)).length).toBeGreaterThan(0);
    expect(await it.calls(closed)).toEqual([]);
    expect(await it.row(ids[0] ?? '')).toMatchObject({ status: 'approved' });
    expect(await it.row(ids[1] ?? '')).toMatchObject({
      status: 'unknown',
      waiting: { reason: 'reconcile' },
    });
  });

  test('is opened from the command line, which first says what it would do', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const id = await it.post(outlet, { message: 'not there', publishMode: 'publish' });
    const { databaseUrl, meta } = it;
    const env = environmentOf({
      backend: 'postgres',
      databaseUrl,
      metaUrl: meta.url,
      env: { RECONCILE_INTERVAL_MS: '100' },
    });
    const run = openTerminal(env);
    await rewrite("system_identifier = '1'");
    await readFence(it.fleet.services);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const plan = await run(['unfence', '--since', since]);
    expect(plan.code).toBe(1);
    expect(plan.stdout).toContain('FENCED since');
    expect(plan.stdout).toContain('Up to 1 post of 1 account may');
    expect(await isFenced()).toBe(true);

    const elsewhere = openTerminal({ ...env, GRAPH_BASE_URL: 'https://graph.facebook.com' });
    const refused = await elsewhere(['unfence', '--since', since, '--yes']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('The fleet talks to loopback');

    const done = await run(['unfence', '--since', since, '--yes']);
    expect(done.stdout).toContain('1 post: 0 found and bound, 1 not there');
    expect(done.stdout).toContain('Unfenced: posts go out again.');
    expect(done.code).toBe(0);
    expect(await isFenced()).toBe(false);
    forgetFence(it.fleet.db);
    expect(await readFence(it.fleet.services)).toBeNull();
    await it.fleet.start('scheduler', 'publisher');
    await it.reaches(id, 'published');
  });
});

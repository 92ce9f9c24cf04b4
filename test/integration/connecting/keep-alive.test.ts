import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { proveToken, renewIfNear, renewToken } from '../../../src/connecting/keep-alive.ts';
import {
  claimProofs,
  claimRenewals,
  hastenProofsBeforePosts,
} from '../../../src/connecting/lifetime-store.ts';
import { probeIntegration } from '../../../src/jobs/probe-integration.ts';
import { Secret } from '../../../src/secret.ts';
import type { Binding } from '../../../src/vault.ts';
import { type Clock, openClock } from '../../support/clock.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { testVault } from '../../support/rows.ts';

const app = { id: '7700880088', secret: 'an-app-secret-for-proofs' };
const dayMs = 86_400_000;
const saying = (words: string): unknown => expect.stringContaining(words);

interface Row {
  readonly status: string;
  readonly key: string | null;
  readonly message: string | null;
  readonly scopes: readonly string[] | null;
  readonly user_id: string | null;
  readonly token_expires_at: Date | null;
  readonly data_access_expires_at: Date | null;
  readonly sealed_token: string;
  readonly probes_s: number | null;
  readonly proves_s: number | null;
  readonly renews_s: number | null;
}

describe('keeping tokens alive', () => {
  let it: Pipeline;
  let clock: Clock;

  beforeAll(async () => {
    it = await openPipeline('postgres', {
      env: { META_APP_ID: app.id, META_APP_SECRET: app.secret },
    });
    await it.meta.control('POST', 'apps', app);
    clock = await openClock(it.fleet.db, (ms) =>
      it.meta.control('POST', 'clock', { advance_ms: ms }),
    );
  });
  afterAll(() => it.close());

  const integration = async (id: string): Promise<Row> => {
    const [row] = await it.fleet.db.query<Row>({
      text: `SELECT status, error ->> 'key' AS key, error ->> 'message' AS message, scopes, user_id,
               token_expires_at, data_access_expires_at, sealed_token,
               extract(epoch FROM probe_at - clock_timestamp())::float8 AS probes_s,
               extract(epoch FROM proof_at - clock_timestamp())::float8 AS proves_s,
               extract(epoch FROM renew_at - clock_timestamp())::float8 AS renews_s
             FROM social_publisher.integrations WHERE id = $1`,
      values: [id],
    });
    if (row === undefined) throw new Error('no such row');
    return row;
  };
  const set = (id: string, what: string) =>
    it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET ${what} WHERE id = $1`,
      values: [id],
    });
  const anOutlet = async (page = {}): Promise<Outlet> => {
    const outlet = await it.outlet({ page: { app_id: app.id, ...page } });
    await set(outlet.integrationId, `proof_at = clock_timestamp() + interval '12 hours'`);
    return outlet;
  };
  const prove = ({ integrationId }: Outlet) => proveToken(it.fleet.services, integrationId);
  const kill = (outlet: Outlet, state: string) =>
    it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state });
  const fail = (path: string, fault: object = { kind: 'html_502' }) =>
    it.meta.control('POST', 'faults', { match: { path }, ...fault });
  const spent = async ({ page }: Outlet) => {
    const [row] = await it.fleet.db.query<{ calls: number }>({
      text: `SELECT coalesce(sum(calls), 0)::int AS calls FROM social_publisher.call_usage WHERE budget_key LIKE '%' || $1`,
      values: [page.id],
    });
    return row?.calls;
  };

  describe('a proof', () => {
    test('writes down what Meta knows, and costs the Page nothing', async () => {
      const outlet = await anOutlet();
      await prove(outlet);
      const row = await integration(outlet.integrationId);
      expect(row.status).toBe('active');
      expect(row.scopes).toContain('pages_manage_posts');
      expect(row.user_id).toMatch(/^\d+$/);
      expect(row.token_expires_at).toBeNull();
      const left = (row.data_access_expires_at?.getTime() ?? 0) - Date.now();
      expect(Math.round(left / dayMs)).toBe(90);
      expect(await it.calls(outlet)).toEqual([]);
      expect(await spent(outlet)).toBe(0);
    });

    test('that finds a dead token ends the connection, and has the same person’s others proven', async () => {
      const [outlet, other] = [await anOutlet(), await anOutlet()];
      await Promise.all([prove(outlet), prove(other)]);
      const { user_id: person } = await integration(outlet.integrationId);
      await set(other.integrationId, `user_id = '${person}'`);
      await kill(outlet, 'password_changed');
      await prove(outlet);
      expect(await integration(outlet.integrationId)).toMatchObject({
        status: 'needs_reconnect',
        message: saying('changed their password'),
      });
      expect((await integration(other.integrationId)).proves_s).toBeLessThanOrEqual(0);
    });

    test('names the permission that was taken away, and does not stumble over it again', async () => {
      const outlet = await anOutlet();
      await it.meta.control('PATCH', 'tokens', {
        page_id: outlet.page.id,
        remove_scopes: ['pages_manage_posts'],
      });
      await prove(outlet);
      await prove(outlet);
      expect(await integration(outlet.integrationId)).toMatchObject({
        status: 'needs_permission',
        message: saying('pages_manage_posts'),
      });
    });

    test('misses no permission that publishing does without', async () => {
      const outlet = await anOutlet();
      await it.meta.control('PATCH', 'tokens', {
        page_id: outlet.page.id,
        remove_scopes: ['pages_show_list'],
      });
      await prove(outlet);
      expect(await integration(outlet.integrationId)).toMatchObject({ status: 'active' });
    });

    test.each([
      ['an answer that is none', { kind: 'html_502' }],
      ['a reset', { kind: 'reset' }],
      ['a limit', { kind: 'error', code: 4, http_status: 400 }],
      ['the app’s own trouble', { kind: 'error', code: 190, http_status: 400 }],
    ])('changes nothing of the integration after %s', async (_name, fault) => {
      const outlet = await anOutlet();
      await prove(outlet);
      const before = await integration(outlet.integrationId);
      await fail('/debug_token', fault);
      await prove(outlet);
      const after = await integration(outlet.integrationId);
      const { proves_s: _before, probes_s: _b, ...known } = before;
      expect(after).toMatchObject(known);
      const [standing] = await it.fleet.db.query({
        text: `SELECT held_until, ailing_failures FROM social_publisher.integrations WHERE id = $1`,
        values: [outlet.integrationId],
      });
      expect(standing).toEqual({ held_until: null, ailing_failures: 0 });
    });

    test.each([
      ['came no answer', { kind: 'reset' }],
      ['came an answer of a proxy', { kind: 'html_502' }],
    ])('comes again within the hour if there %s', async (_name, fault) => {
      const outlet = await anOutlet();
      await fail('/debug_token', fault);
      await prove(outlet);
      const { proves_s: inS } = await integration(outlet.integrationId);
      expect(inS).toBeGreaterThan(25 * 60);
      expect(inS).toBeLessThan(61 * 60);
    });

    test('has a token tried that lives again, and the account goes on', async () => {
      const outlet = await anOutlet();
      await kill(outlet, 'invalidated');
      await prove(outlet);
      expect(await integration(outlet.integrationId)).toMatchObject({
        status: 'needs_reconnect',
        probes_s: null,
      });
      await kill(outlet, 'valid');
      await prove(outlet);
      expect((await integration(outlet.integrationId)).probes_s).toBeLessThanOrEqual(0);
      const payload = { integrationId: outlet.integrationId };
      const job = { id: 'by-hand', payload, signal: new AbortController().signal };
      await probeIntegration.perform({ ...job, logger: it.fleet.services.log }, it.fleet.services);
      expect(await integration(outlet.integrationId)).toMatchObject({
        status: 'active',
        key: null,
      });
    });

    test('says nothing of a token that was replaced while Meta was asked', async () => {
      const outlet = await anOutlet();
      await kill(outlet, 'revoked');
      const binding = { tenantId: outlet.tenantId, integrationId: outlet.integrationId };
      const sealed = testVault.seal(new Secret('EAAnewtoken'), binding);
      const { services } = it.fleet;
      const providers = [...services.providers].map(([name, { connect, ...provider }]) => {
        const inspect: typeof connect.inspect = async (...call) => {
          await set(outlet.integrationId, `sealed_token = '${sealed}'`);
          return connect.inspect(...call);
        };
        return [name, { ...provider, connect: { ...connect, inspect } }] as const;
      });
      await proveToken({ ...services, providers: new Map(providers) }, outlet.integrationId);
      expect(await integration(outlet.integrationId)).toMatchObject({ status: 'active' });
    });

    test('is made anew before a post is due, if the last one is hours ago', async () => {
      const [outlet, idle] = [await anOutlet(), await anOutlet()];
      const soon = new Date((await nowOf()) + 2 * 3_600_000);
      await it.posts(outlet, [{ scheduledAt: soon }]);
      await hastenProofsBeforePosts(it.fleet.db);
      const due = (await claimProofs(it.fleet.db, 100)).map(({ id }) => id);
      expect(due).toContain(outlet.integrationId);
      expect(due).not.toContain(idle.integrationId);
      await hastenProofsBeforePosts(it.fleet.db);
      expect(await claimProofs(it.fleet.db, 100)).toEqual([]);
    });

    test('is due at the same time every day, however long nothing could be proven', async () => {
      const outlet = await anOutlet();
      await set(outlet.integrationId, `proof_at = clock_timestamp() - interval '50 hours'`);
      const claimed = await claimProofs(it.fleet.db, 100);
      expect(claimed.map(({ id }) => id)).toContain(outlet.integrationId);
      const { proves_s: inS } = await integration(outlet.integrationId);
      expect(Math.round((inS ?? 0) / 3600)).toBe(22);
      expect(await claimProofs(it.fleet.db, 100)).toEqual([]);
    });
  });

  const tokenView = z.looseObject({ access_token: z.string() });
  /** A person's token of 60 days, and one account whose token is that very token. */
  const aLogin = async () => {
    const outlet = await anOutlet();
    const expiresAt = (await nowOf()) + 60 * dayMs;
    const made = {
      type: 'user',
      app_id: app.id,
      page_ids: [outlet.page.id],
      expires_at: expiresAt,
    };
    const token = tokenView.parse(await it.meta.control('POST', 'tokens', made)).access_token;
    const [{ id } = { id: '' }] = await it.fleet.db.query<{ id: string }>({
      text: `INSERT INTO social_publisher.logins (tenant_id, app_id, user_id, sealed_token, expires_at, renew_at)
             VALUES ($1, '', $2, '', $3, clock_timestamp() + interval '50 days') RETURNING id`,
      values: [outlet.tenantId, outlet.page.id, new Date(expiresAt)],
    });
    const binding = { tenantId: outlet.tenantId, integrationId: id, purpose: 'login' };
    const own = { tenantId: outlet.tenantId, integrationId: outlet.integrationId };
    const secret = new Secret(token);
    await it.fleet.db.query({
      text: 'UPDATE social_publisher.logins SET sealed_token = $2 WHERE id = $1',
      values: [id, testVault.seal(secret, binding)],
    });
    await set(
      outlet.integrationId,
      `login_id = '${id}', sealed_token = '${testVault.seal(secret, own)}'`,
    );
    return { id, token, outlet, binding, own };
  };
  const nowOf = async () => {
    const [row] = await it.fleet.db.query<{ now: Date }>({
      text: 'SELECT clock_timestamp() AS now',
    });
    return row?.now.getTime() ?? 0;
  };
  const login = async (id: string) => {
    const [row] = await it.fleet.db.query<{
      sealed_token: string;
      expires_at: Date;
      failed: number;
      inS: number | null;
    }>({
      text: `SELECT sealed_token, expires_at, renewals_failed AS failed,
               extract(epoch FROM renew_at - clock_timestamp())::float8 AS "inS"
             FROM social_publisher.logins WHERE id = $1`,
      values: [id],
    });
    if (row === undefined) throw new Error('no such login');
    return row;
  };
  const tokenOf = async (id: string, own: Binding) =>
    testVault.open((await integration(id)).sealed_token, own).reveal();
  const renewLogin = (id: string) => renewToken(it.fleet.services, { kind: 'login', id });

  describe('a renewal', () => {
    test('exchanges a person’s token in time, and gives it to the accounts whose token it is', async () => {
      const { id, token, outlet, binding, own } = await aLogin();
      expect((await claimRenewals(it.fleet.db, 100)).map((due) => due.id)).not.toContain(id);
      await clock.advance(51 * dayMs);
      expect(await claimRenewals(it.fleet.db, 100)).toContainEqual(
        expect.objectContaining({ kind: 'login', id }),
      );
      await renewLogin(id);
      const row = await login(id);
      const fresh = testVault.open(row.sealed_token, binding).reveal();
      expect(fresh).not.toBe(token);
      expect(Math.round((row.expires_at.getTime() - (await nowOf())) / dayMs)).toBe(60);
      const days = (row.inS ?? 0) / 86_400;
      expect(days).toBeGreaterThanOrEqual(29);
      expect(days).toBeLessThanOrEqual(56);
      const held = await integration(outlet.integrationId);
      expect(testVault.open(held.sealed_token, own).reveal()).toBe(fresh);
      expect(held.token_expires_at).toEqual(row.expires_at);
    });

    test('by two workers at once leaves one of the new tokens, and it lives', async () => {
      const { id, binding } = await aLogin();
      await clock.advance(51 * dayMs);
      await Promise.all([renewLogin(id), renewLogin(id)]);
      const row = await login(id);
      const token = testVault.open(row.sealed_token, binding).reveal();
      const known = await it.meta.control('GET', 'tokens?type=user');
      const views = z.looseObject({
        data: z.array(z.looseObject({ access_token: z.string(), state: z.string() })),
      });
      expect(views.parse(known).data).toContainEqual(
        expect.objectContaining({ access_token: token, state: 'valid' }),
      );
      expect(row.failed).toBe(0);
    });

    test('that fails is tried again after pauses that grow, and the token stays', async () => {
      const { id, token, binding } = await aLogin();
      const pauses: number[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        await fail('/oauth/access_token');
        await renewLogin(id);
        pauses.push(Math.round(((await login(id)).inS ?? 0) / 60));
      }
      expect(pauses).toEqual([20, 40, 80]);
      expect(testVault.open((await login(id)).sealed_token, binding).reveal()).toBe(token);
      await renewLogin(id);
      expect((await login(id)).failed).toBe(0);
    });

    test('of a token that Meta says is dead has the accounts proven, and ends what rests on it', async () => {
      const { id, token, outlet } = await aLogin();
      await it.meta.control('PATCH', 'tokens', { token, state: 'revoked' });
      await renewLogin(id);
      expect((await integration(outlet.integrationId)).proves_s).toBeLessThanOrEqual(0);
      await prove(outlet);
      expect(await integration(outlet.integrationId)).toMatchObject({ status: 'needs_reconnect' });
      // It may come back as long as it does not end by time.
      expect(Math.round(((await login(id)).inS ?? 0) / 3600)).toBe(24);
    });

    test('of an account’s own token that is not far off is made when a person asks', async () => {
      const { outlet, token, own } = await aLogin();
      await set(outlet.integrationId, `token_expires_at = clock_timestamp() + interval '30 days'`);
      await set(outlet.integrationId, `renew_at = clock_timestamp() + interval '20 days'`);
      await renewIfNear(it.fleet.services, outlet.integrationId);
      expect(await tokenOf(outlet.integrationId, own)).toBe(token);
      await set(outlet.integrationId, `renew_at = clock_timestamp() + interval '10 days'`);
      await renewIfNear(it.fleet.services, outlet.integrationId);
      expect(await tokenOf(outlet.integrationId, own)).not.toBe(token);
      expect((await integration(outlet.integrationId)).renews_s).toBeGreaterThan(29 * 86_400);
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { renewToken } from '../../../src/connecting/keep-alive.ts';
import type { TestTenant } from '../../support/api.ts';
import {
  aBrowser,
  apps,
  type ConnectBench,
  openConnectBench,
  told,
} from '../../support/connecting.ts';

let bench: ConnectBench;
let tenant: TestTenant;
beforeAll(async () => {
  bench = await openConnectBench();
  tenant = await bench.api.createTenant();
});
afterAll(() => bench.close());

const someId: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);
const someTime: unknown = expect.stringMatching(/^\d{4}-.*Z$/);
const withId = z.looseObject({ id: z.string() });
const make = async (what: string, options: object) =>
  withId.parse(await bench.meta.control('POST', what, options)).id;

describe("Instagram's own login", () => {
  const provider = 'instagram';

  it('connects its account at once, with a token that is renewed', async () => {
    const id = await make('instagram_accounts', { username: 'the.bakery' });
    const query = await bench.connect(tenant, { user_id: id }, { provider });
    expect(Object.fromEntries(query)).toEqual({
      own: 'a b',
      ig_connected: 'true',
      ig_username: 'the.bakery',
      ig_integration: someId,
    });
    const read = await bench.api.call('GET', `/v1/integrations/${query.get('ig_integration')}`, {
      token: tenant.key,
    });
    expect(read.body).toMatchObject({
      provider,
      external_account_id: id,
      username: 'the.bakery',
      status: 'active',
      login: 'instagram',
      app: 'shared',
      token_expires_at: someTime,
      missing_scopes: [],
    });
    const [row] = await bench.api.db.query<Record<string, unknown>>({
      text: `SELECT renew_at BETWEEN now() + interval '29 days' AND now() + interval '51 days' AS renews, login_id,
               user_id IS NOT NULL AS is_known FROM social_publisher.integrations WHERE id = $1`,
      values: [read.body.id],
    });
    expect(row).toEqual({ renews: true, login_id: null, is_known: true });
    const again = await bench.connect(tenant, { user_id: id }, { provider });
    expect(again.get('ig_integration')).toBe(read.body.id);
  });

  it('takes a token by hand, of which nobody knows the age, and renews it soon', async () => {
    const id = await make('instagram_accounts', { username: 'by.hand' });
    const query = await bench.connect(tenant, { user_id: id }, { provider });
    const integrationId = query.get('ig_integration') ?? '';
    const [row] = await bench.api.db.query<{ sealed_token: string }>({
      text: 'SELECT sealed_token FROM social_publisher.integrations WHERE id = $1',
      values: [integrationId],
    });
    const token = bench.api.services.vault
      .open(row?.sealed_token ?? '', { tenantId: tenant.id, integrationId })
      .reveal();
    const owner = await bench.api.createTenant();
    const body = { provider, external_account_id: id, access_token: token };
    const made = await bench.api.call('POST', '/v1/integrations', { token: owner.key, body });
    expect(made.status).toBe(201);
    const [renewal] = await bench.api.db.query<Record<string, unknown>>({
      text: `SELECT renew_at BETWEEN now() + interval '23 hours' AND now() + interval '49 hours' AS renews
             FROM social_publisher.integrations WHERE id = $1`,
      values: [made.body.id],
    });
    expect(renewal).toEqual({ renews: true });
    // Not on the day it came: the network refuses that.
    const refreshed = await bench.api.call('POST', `/v1/integrations/${made.body.id}/refresh`, {
      token: owner.key,
    });
    expect(refreshed).toMatchObject({ status: 200, body: { status: 'active' } });
    const [tried] = await bench.api.db.query<Record<string, unknown>>({
      text: 'SELECT renewals_failed FROM social_publisher.integrations WHERE id = $1',
      values: [made.body.id],
    });
    expect(tried).toEqual({ renewals_failed: 0 });
    // The secret of the app is not asked for, so nobody has to know it.
    await bench.api.db.query({
      text: `UPDATE social_publisher.integrations SET app_id = '909' WHERE id = $1`,
      values: [made.body.id],
    });
    await bench.meta.control('POST', 'clock', { advance_ms: 2 * 86_400_000 });
    await renewToken(bench.api.services, { kind: 'integration', id: made.body.id });
    const [renewed] = await bench.api.db.query<Record<string, unknown>>({
      text: `SELECT token_expires_at > now() + interval '50 days' AS lasts FROM social_publisher.integrations WHERE id = $1`,
      values: [made.body.id],
    });
    expect(renewed).toEqual({ lasts: true });
  });

  it('asks with the app that the operator, or the tenant, has at Instagram', async () => {
    const clientOf = async (owner: TestTenant) => {
      const answer = await bench.visit(aBrowser(), await bench.begin(owner, {}, provider));
      return new URL(String(answer.headers.location)).searchParams.get('client_id');
    };
    expect(await clientOf(tenant)).toBe(apps.instagram.id);
    const owner = await bench.api.createTenant();
    await bench.api.call('PUT', '/v1/apps/instagram', {
      token: owner.key,
      body: { app_id: '7070', app_secret: 'secret-of-another' },
    });
    expect(await clientOf(owner)).toBe('7070');
  });

  it('tells a refusal in its own words', async () => {
    const user_id = await make('instagram_accounts', { username: 'no.thanks' });
    const denied = await bench.connect(tenant, { user_id, deny: true }, { provider });
    expect(denied.get('ig_error')).toBe('authorization_denied');
    const unticked = await bench.connect(
      tenant,
      { user_id, decline_scopes: ['instagram_business_content_publish'] },
      { provider },
    );
    expect(unticked.get('ig_error')).toBe('authorization_denied');
    const browser = aBrowser();
    const start = await bench.begin(tenant, {}, provider);
    const back = new URL(await bench.consent(browser, start, { user_id }));
    back.searchParams.set('code', 'AQused');
    expect(told(await bench.visit(browser, back.href)).get('ig_error')).toBe(
      'token_exchange_failed',
    );
  });
});

describe('Instagram through the Page', () => {
  it('lets the account be chosen', async () => {
    const page = await bench.meta.page();
    const id = await make('instagram_accounts', { username: 'linked', page_id: page.id });
    const user_id = await bench.person([page.id]);
    const journey = { provider: 'instagram', body: { login: 'facebook' } };
    const choice = { user_id, page_ids: 'all', instagram_account_ids: 'all' };
    const query = await bench.connect(tenant, choice, journey);
    expect(query.get('ig_connected')).toBe('true');
    expect(JSON.parse(query.get('ig_accounts') ?? '')).toMatchObject([{ id }]);
    const selection = { connection_id: query.get('ig_connection'), account_id: id };
    expect(await bench.select(tenant, selection, 'facebook')).toMatchObject({
      status: 404,
      body: { code: 'no_pending_connection' },
    });
    expect(await bench.select(tenant, selection, 'instagram')).toMatchObject({
      status: 201,
      body: {
        provider: 'instagram',
        external_account_id: id,
        login: 'facebook',
        username: 'linked',
      },
    });
    const nobody = await bench.person([]);
    const none = await bench.connect(tenant, { user_id: nobody, page_ids: 'all' }, journey);
    expect(none.get('ig_error')).toBe('no_accounts');
  });
});

describe('ad accounts', () => {
  const provider = 'meta_ads';

  it('are offered while they are active, and chosen by their bare number', async () => {
    const ids = [
      await make('ad_accounts', { name: 'Spring' }),
      await make('ad_accounts', { name: 'Old', account_status: 2 }),
    ];
    const [active = '', closed = ''] = ids;
    const user_id = await bench.person([], { ad_account_ids: ids });
    const choice = { user_id, ad_account_ids: 'all' };
    const query = await bench.connect(tenant, choice, { provider });
    expect(Object.fromEntries(query)).toEqual({
      own: 'a b',
      metaads_connected: 'true',
      metaads_connection: someId,
      metaads_accounts: JSON.stringify([{ id: active, name: 'Spring' }]),
    });
    const connection_id = query.get('metaads_connection');
    expect(
      await bench.select(tenant, { connection_id, account_id: closed }, provider),
    ).toMatchObject({
      status: 422,
      body: { code: 'account_not_usable', errors: [{ rule: 'account_disabled' }] },
    });
    const made = await bench.select(tenant, { connection_id, account_id: active }, provider);
    expect(made).toMatchObject({
      status: 201,
      body: { provider, name: 'Spring', token_expires_at: someTime, missing_scopes: [] },
    });
    const [row] = await bench.api.db.query<Record<string, unknown>>({
      text: `SELECT i.renew_at, l.renew_at BETWEEN now() + interval '44 days' AND now() + interval '56 days' AS renews
             FROM social_publisher.integrations i JOIN social_publisher.logins l ON l.id = i.login_id WHERE i.id = $1`,
      values: [made.body.id],
    });
    expect(row).toEqual({ renew_at: null, renews: true });
    const post = { integration_id: made.body.id, message: 'Hello' };
    expect(
      await bench.api.call('POST', '/v1/posts', { token: tenant.key, body: post }),
    ).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'integration_id', rule: 'provider_supported' }] },
    });
  });

  it('that keep the token of an earlier consent have it renewed by itself', async () => {
    const ids = [
      await make('ad_accounts', { name: 'One' }),
      await make('ad_accounts', { name: 'Two' }),
    ];
    const [one = '', two = ''] = ids;
    const user_id = await bench.person([], { ad_account_ids: ids });
    const consent = async (chosen: readonly string[]) => {
      const query = await bench.connect(tenant, { user_id, ad_account_ids: 'all' }, { provider });
      const connection_id = query.get('metaads_connection');
      const made = [];
      for (const account_id of chosen) {
        made.push((await bench.select(tenant, { connection_id, account_id }, provider)).body.id);
      }
      return made;
    };
    const [first, second] = await consent([one, two]);
    expect(await consent([one])).toEqual([first]);
    const rows = await bench.api.db.query<Record<string, unknown>>({
      text: `SELECT id, renew_at < token_expires_at - interval '9 days' AS renews
             FROM social_publisher.integrations WHERE id = ANY ($1::uuid[])`,
      values: [[first, second]],
    });
    expect(rows).toHaveLength(2);
    expect(rows).toContainEqual({ id: first, renews: null });
    expect(rows).toContainEqual({ id: second, renews: true });
  });

  it('that are not there are told, and so is a refusal', async () => {
    const nobody = await bench.person([]);
    const none = await bench.connect(
      tenant,
      { user_id: nobody, ad_account_ids: 'all' },
      { provider },
    );
    expect(none.get('metaads_error')).toBe('no_accounts');
    const denied = await bench.connect(tenant, { user_id: nobody, deny: true }, { provider });
    expect(denied.get('metaads_error')).toBe('authorization_denied');
  });

  it("are served by the tenant's Facebook app where it has none for ads", async () => {
    const owner = await bench.api.createTenant();
    const body = { app_id: apps.own.id, app_secret: apps.own.secret };
    await bench.api.call('PUT', '/v1/apps/facebook', { token: owner.key, body });
    const account = await make('ad_accounts', { name: 'Own' });
    const user_id = await bench.person([], { ad_account_ids: [account] });
    const query = await bench.connect(owner, { user_id, ad_account_ids: 'all' }, { provider });
    const choice = { connection_id: query.get('metaads_connection'), account_id: account };
    expect(await bench.select(owner, choice, provider)).toMatchObject({
      status: 201,
      body: { app: 'own' },
    });
  });
});

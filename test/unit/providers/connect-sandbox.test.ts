import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { App, Login } from '../../../src/providers/connecting.ts';
import { Secret } from '../../../src/secret.ts';
import { type Meta, startMeta } from '../../support/meta.ts';
import { providerNamed } from '../../support/networks.ts';
import { failureOf, recorder } from './sandbox-page.ts';

const redirectUri = 'http://localhost:3000/v1/connect/callback?from=a%20b';
const app: App = { appId: '77', appSecret: new Secret('planted-app-secret'), configId: null };
const instagramApp: App = {
  appId: '88',
  appSecret: new Secret('planted-ig-secret'),
  configId: null,
};

let meta: Meta;
beforeAll(async () => {
  meta = await startMeta();
  await meta.control('POST', 'apps', {
    id: '77',
    secret: 'planted-app-secret',
    require_appsecret_proof: true,
    configs: [
      {
        id: '99',
        scopes: ['pages_show_list', 'pages_manage_posts', 'pages_read_engagement'],
        token_type: 'system_user',
      },
    ],
  });
  await meta.control('POST', 'apps', { id: '88', secret: 'planted-ig-secret', kind: 'instagram' });
  for (const id of ['101', '102', '103']) {
    await meta.control('POST', 'pages', { id, name: `Page ${id}` });
  }
  for (const id of ['501', '502'])
    await meta.control('POST', 'ad_accounts', { id, name: `Ads ${id}` });
  await meta.control('PATCH', 'ad_accounts/502', { account_status: 2 });
  await meta.control('POST', 'users', {
    id: '9001',
    name: 'Anna',
    page_ids: ['101', '102', '103'],
    ad_account_ids: ['501', '502'],
  });
  await meta.control('PATCH', 'users/9001', { roles: { '102': ['ANALYZE'] } });
  await meta.control('POST', 'businesses', {
    id: '7001',
    name: 'Ours',
    user_ids: ['9001'],
    owned_page_ids: ['103'],
    owned_ad_account_ids: ['501'],
  });
  await meta.control('POST', 'instagram_accounts', {
    id: '17841400000000001',
    username: 'bakery',
    page_id: '101',
  });
});
afterAll(() => meta.close());

function at(name: string, loginName: 'facebook' | 'instagram' = 'facebook') {
  const seen = recorder();
  const { connect } = providerNamed(name, {
    baseUrl: meta.url,
    websiteUrl: meta.url,
    timeoutMs: 5000,
    logger: seen.logger,
  });
  const login = connect.logins.find((one) => one.name === loginName);
  if (login === undefined) throw new Error('no such login');
  return { connect, login, ...seen };
}

/** Through the dialog, as a person who leaves everything ticked but what is said. */
async function consent(login: Login, of: App, given: object = {}): Promise<string> {
  const scopes = login.scopes.map(({ name }) => name);
  const answer = await meta.control('POST', 'consent', {
    authorize_url: login.authorizeUrl(of, { state: 's', redirectUri, scopes }),
    ...given,
  });
  const { redirect } = z.object({ redirect: z.url() }).parse(answer);
  return new URL(redirect).searchParams.get('code') ?? '';
}

/** From the address of the dialog to the accounts, and one of them proven. */
async function connected(name: string, given: object = {}, of = app) {
  const { connect, login, context, lines, calls } = at(name);
  const code = await consent(login, of, { user_id: '9001', ...given });
  const grant = await login.exchange(of, { code, redirectUri }, context);
  const accounts = await login.accounts(of, grant, context);
  const found = (id: string) => accounts.find((one) => one.externalAccountId === id);
  const prove = async (id: string) => {
    const token = found(id)?.token ?? new Secret('none');
    return connect.verify({ externalAccountId: id, token, login: login.name, ...of }, context);
  };
  return { connect, login, context, grant, accounts, found, prove, code, lines, calls };
}

describe('Facebook, from the dialog to a proven Page', () => {
  it('lists the Pages of the person and of their business, and proves one', async () => {
    const { grant, accounts, found, prove, code, lines, calls } = await connected('facebook');
    expect(grant.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 59 * 86_400_000);
    expect(grant.scopes).toContain('pages_manage_posts');
    const ids = accounts.map(({ externalAccountId }) => externalAccountId);
    expect(new Set(ids)).toEqual(new Set(['101', '102', '103']));
    expect(ids).toHaveLength(3);
    expect(found('101')?.reason).toBeNull();
    expect(found('102')?.reason?.code).toBe('task_missing');
    expect(found('103')?.reason).toBeNull();
    expect(await prove('101')).toMatchObject({
      name: 'Page 101',
      facts: { error: null, expiresAt: 'never', userId: grant.userId },
      seen: { reads_drafts: 'yes', reads_scheduled: 'yes', reads_published: 'yes' },
    });
    expect(await prove('103')).toMatchObject({ name: 'Page 103' });
    const told = [...lines, JSON.stringify(calls)].join('\n');
    for (const secret of [code, grant.token.reveal(), 'planted-app-secret']) {
      expect(told).not.toContain(secret);
    }
  });

  it('is told which permission was unticked, and which Page was not', async () => {
    const without = await connected('facebook', { decline_scopes: ['pages_manage_posts'] });
    expect(without.found('101')?.reason?.code).toBe('scope_missing');
    // Asked again, although it was declined before.
    const one = await connected('facebook', {
      page_ids: 'all',
      target_ids: { pages_manage_posts: ['103'] },
    });
    expect(one.found('101')?.reason?.code).toBe('scope_other_accounts');
    expect(one.found('103')?.reason).toBeNull();
    expect((await failureOf(one.prove('101'))).record.key).toBe('scope_other_accounts');
    await connected('facebook', { page_ids: 'all', target_ids: {} });
  });

  it('takes the token of a system user as it is', async () => {
    const { grant, prove } = await connected('facebook', {}, { ...app, configId: '99' });
    expect(grant.expiresAt).toBeNull();
    expect((await prove('101')).facts).toMatchObject({ expiresAt: 'never' });
  });

  it('looks at a token without a call of the Page, and sees it die', async () => {
    const { connect, context, found } = await connected('facebook');
    const token = found('101')?.token ?? new Secret('none');
    const account = { externalAccountId: '101', token, ...app };
    expect(await connect.inspect(account, context)).toMatchObject({ error: null });
    await meta.control('PATCH', 'users/9001', { password_changed: true });
    expect((await connect.inspect(account, context))?.error).toMatchObject({
      class: 'reauth',
      key: 'password_changed',
    });
  });

  it('knows the token of another app', async () => {
    await meta.control('POST', 'apps', { id: '79', secret: 'of-another' });
    const { found, connect, context } = await connected('facebook');
    const token = found('101')?.token ?? new Secret('none');
    const account = {
      externalAccountId: '101',
      token,
      appId: '79',
      appSecret: new Secret('of-another'),
    };
    expect((await failureOf(connect.verify(account, context))).record.key).toBe(
      'token_of_another_app',
    );
    expect(await connect.inspect(account, context)).toBeNull();
    const wrong = { ...account, appId: '77', appSecret: new Secret('mistyped') };
    expect((await failureOf(connect.verify(wrong, context))).record.key).toBe('app_secret_wrong');
    expect(await connect.inspect(wrong, context)).toBeNull();
  });

  it('takes a code once, and only with the address that it was made for', async () => {
    const { login, context } = at('facebook');
    const code = await consent(login, app, { user_id: '9001' });
    const elsewhere = redirectUri.replace('a%20b', 'a+b');
    await failureOf(login.exchange(app, { code, redirectUri: elsewhere }, context));
    await login.exchange(app, { code, redirectUri }, context);
    const { record } = await failureOf(login.exchange(app, { code, redirectUri }, context));
    expect(record.message).not.toContain(code);
  });

  it('prolongs a consent, shows its businesses, and takes it back', async () => {
    const { login, grant, context } = await connected('facebook');
    const renewed = await login.renew(app, grant.token, context);
    expect(renewed.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 59 * 86_400_000);
    expect(await login.businesses?.(app, grant, context)).toMatchObject([
      { id: '7001', name: 'Ours', pages: [{ id: '103', relation: 'owned' }] },
    ]);
    await login.revoke?.(app, grant, context);
    const { record } = await failureOf(login.renew(app, grant.token, context));
    expect(record).toMatchObject({ class: 'reauth', key: 'app_removed' });
  });
});

describe('Instagram', () => {
  it.each([
    ['flat', 'text'],
    ['data', 'number'],
  ])('connects by its own login: answers %s, ids as %s', async (shape, as) => {
    await meta.control('PATCH', 'weather', {
      instagram_token_shape: shape,
      instagram_me_shape: shape,
      instagram_user_id: as,
    });
    const { connect, login, context } = at('instagram', 'instagram');
    const code = await consent(login, instagramApp, { user_id: '17841400000000001' });
    const grant = await login.exchange(instagramApp, { code: `${code}#_`, redirectUri }, context);
    const [self] = await login.accounts(instagramApp, grant, context);
    expect(self).toMatchObject({
      externalAccountId: '17841400000000001',
      username: 'bakery',
      reason: null,
    });
    expect(grant.scopes).toContain('instagram_business_content_publish');
    expect(grant.userId).not.toBe('17841400000000001');
    const account = {
      externalAccountId: '17841400000000001',
      token: grant.token,
      login: login.name,
      ...instagramApp,
    };
    expect(await connect.verify(account, context)).toMatchObject({ username: 'bakery' });
    expect(
      (await failureOf(login.renew(instagramApp, grant.token, context))).record.class,
    ).not.toBe('reauth');
  });

  it('renews its token from a day on', async () => {
    const { login, context } = at('instagram', 'instagram');
    const code = await consent(login, instagramApp, { user_id: '17841400000000001' });
    const grant = await login.exchange(instagramApp, { code, redirectUri }, context);
    await meta.control('POST', 'clock', { advance_ms: 2 * 86_400_000 });
    const renewed = await login.renew(instagramApp, grant.token, context);
    expect(renewed.token.reveal()).not.toBe(grant.token.reveal());
  });

  it('connects through the Page', async () => {
    const { accounts, prove } = await connected('instagram');
    expect(accounts).toMatchObject([
      { externalAccountId: '17841400000000001', username: 'bakery', reason: null },
    ]);
    expect(await prove('17841400000000001')).toMatchObject({
      username: 'bakery',
      facts: { error: null },
    });
  });
});

describe('ad accounts', () => {
  it('are listed with those that are disabled, and proven', async () => {
    const { accounts, prove } = await connected('meta_ads');
    expect(
      accounts.map(({ externalAccountId, reason }) => [externalAccountId, reason?.code]),
    ).toEqual([
      ['501', undefined],
      ['502', 'account_disabled'],
    ]);
    expect(await prove('501')).toMatchObject({ name: 'Ads 501', facts: { error: null } });
    expect((await failureOf(prove('502'))).record.key).toBe('account_disabled');
  });
});

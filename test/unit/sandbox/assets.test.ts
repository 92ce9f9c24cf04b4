import { beforeEach, describe, expect, test } from 'vitest';
import { app, dialog, like, useLogin } from './login-client.ts';
import { useSandbox } from './sandbox-client.ts';

const sandbox = useSandbox();
const { control, as, aPage } = sandbox;
const { longToken, debug } = useLogin(sandbox);

const anna = '501';
const scoped = (...scopes: string[]) =>
  dialog({ scope: ['pages_show_list', 'pages_read_engagement', ...scopes].join(',') });
const ids = async (token: string, path: string, params: Record<string, string> = {}) =>
  (await as(token).get(path, { fields: 'id', ...params })).body.data.map(({ id }) => id);
const refusal = async (token: string, path: string, fields = 'id') =>
  (await as(token).get(path, { fields })).body.error;

beforeEach(async () => {
  await control('POST', 'apps', app);
  await control('POST', 'users', { id: anna, name: 'Anna' });
});

test('a person with 60 Pages gets them page by page', async () => {
  for (let at = 0; at < 60; at += 1) await aPage({ id: `${1000 + at}`, user_id: anna });
  const token = await longToken();
  const seen: string[] = [];
  let after = '';
  for (const expected of [25, 25, 10]) {
    const { body } = await as(token).get('me/accounts', { fields: 'id', after });
    expect(body.data).toHaveLength(expected);
    expect(body.paging.next === undefined).toBe(expected === 10);
    seen.push(...body.data.map(({ id }) => id));
    ({ after } = body.paging.cursors);
  }
  expect(new Set(seen).size).toBe(60);
});

describe('tasks', () => {
  test('are told by me/accounts, and asked of a Page or a business they fail the whole call', async () => {
    await aPage({ id: '111', user_id: anna });
    await control('POST', 'businesses', {
      id: '900',
      name: 'A',
      user_ids: [anna],
      owned_page_ids: ['111'],
    });
    const token = await longToken({}, scoped('business_management'));
    const { data } = (await as(token).get('me/accounts', { fields: 'tasks' })).body;
    expect(data).toMatchObject([
      { tasks: ['ANALYZE', 'ADVERTISE', 'MESSAGING', 'MODERATE', 'CREATE_CONTENT', 'MANAGE'] },
    ]);
    for (const path of ['111', '900/owned_pages']) {
      expect(await refusal(token, path, 'id,tasks')).toMatchObject({
        code: 100,
        message: '(#100) Tried accessing nonexisting field (tasks) on node type (Page)',
      });
    }
  });
});

describe('Pages in a business portfolio', () => {
  beforeEach(async () => {
    for (const id of ['111', '222', '333']) await aPage({ id, name: `P${id}`, user_id: anna });
    await aPage({ id: '444' });
    await control('POST', 'businesses', {
      id: '900',
      name: 'Agency',
      user_ids: [anna],
      owned_page_ids: ['111', '444'],
      client_page_ids: ['222'],
    });
    await control('POST', 'businesses', { id: '901', name: 'Not hers' });
  });

  test('are missing from me/accounts without business_management, and with it by the weather', async () => {
    expect(await ids(await longToken(), 'me/accounts')).toEqual(['333']);
    const token = await longToken({}, scoped('business_management'));
    expect(await ids(token, 'me/accounts')).toEqual(['111', '222', '333']);
    await control('PATCH', 'weather', { portfolio_pages: 'never' });
    expect(await ids(token, 'me/accounts')).toEqual(['333']);
  });

  test('are found through the businesses, with a token where the person has a role', async () => {
    const token = await longToken({}, scoped('business_management', 'pages_manage_posts'));
    expect((await as(token).get('me/businesses')).body.data).toEqual([
      { id: '900', name: 'Agency' },
    ]);
    const owned = await as(token).get('900/owned_pages', { fields: 'id,name,access_token' });
    expect(owned.body.data).toEqual([
      { id: '111', name: 'P111', access_token: like(/^EAA/) },
      { id: '444', name: 'Corner Bakery' },
    ]);
    expect(await ids(token, '900/client_pages')).toEqual(['222']);
    const value = owned.body.data[0]?.access_token ?? '';
    expect((await as(value).post('111/feed', { message: 'x' })).status).toBe(200);
  });

  test('are told to nobody else', async () => {
    const without = await longToken();
    expect(await refusal(without, 'me/businesses')).toMatchObject({ code: 100 });
    expect(await refusal(without, '900/owned_pages')).toMatchObject({ code: 100 });
    const token = await longToken({}, scoped('business_management'));
    expect(await refusal(token, '901')).toMatchObject({ code: 100 });
    expect((await as(token).get('444', { fields: 'access_token' })).body.error.code).toBe(10);
  });

  test('that were not ticked are not there either', async () => {
    const token = await longToken({ page_ids: ['222'] }, scoped('business_management'));
    expect(await ids(token, '900/owned_pages')).toEqual([]);
    expect(await ids(token, '900/client_pages')).toEqual(['222']);
  });
});

describe('ad accounts', () => {
  beforeEach(async () => {
    await control('POST', 'ad_accounts', { id: '71', name: 'Shop', user_ids: [anna] });
    await control('POST', 'ad_accounts', {
      id: '72',
      name: 'Old',
      account_status: 2,
      user_ids: [anna],
    });
    await control('POST', 'ad_accounts', { id: '73', name: 'Foreign' });
    await control('POST', 'businesses', {
      id: '900',
      name: 'A',
      user_ids: [anna],
      owned_ad_account_ids: ['71'],
      client_ad_account_ids: ['73'],
    });
  });

  test('are listed with act_, dead ones too, as far as they were ticked', async () => {
    const path = scoped('ads_read', 'business_management');
    const token = await longToken({}, path);
    const fields = 'id,account_id,name,account_status,disable_reason,currency';
    expect((await as(token).get('me/adaccounts', { fields })).body.data).toEqual([
      {
        id: 'act_71',
        account_id: '71',
        name: 'Shop',
        account_status: 1,
        disable_reason: 0,
        currency: 'EUR',
      },
      {
        id: 'act_72',
        account_id: '72',
        name: 'Old',
        account_status: 2,
        disable_reason: 1,
        currency: 'EUR',
      },
    ]);
    expect(await ids(token, '900/owned_ad_accounts')).toEqual(['act_71']);
    expect(await ids(token, '900/client_ad_accounts')).toEqual(['act_73']);
    await control('PATCH', 'ad_accounts/71', { account_status: 101 });
    expect((await as(token).get('act_71', { fields })).body).toMatchObject({ account_status: 101 });
    expect((await refusal(token, 'act_73')).code).toBe(200);
    const few = await longToken({ ad_account_ids: ['72'] }, path);
    expect(await ids(few, 'me/adaccounts')).toEqual(['act_72']);
    expect((await debug(few)).granular_scopes).toContainEqual({
      scope: 'ads_read',
      target_ids: ['72'],
    });
    expect((await refusal(few, 'act_71')).code).toBe(200);
  });

  test('take a permission', async () => {
    expect((await refusal(await longToken(), 'me/adaccounts')).code).toBe(200);
  });
});

describe('the Instagram account of a Page', () => {
  const fields = 'id,instagram_business_account{id,username}';
  beforeEach(async () => {
    await aPage({ id: '111', user_id: anna });
    await aPage({ id: '222', user_id: anna });
    await control('POST', 'instagram_accounts', {
      id: '17841400000000001',
      username: 'bakery',
      page_id: '111',
    });
  });

  test('is told to those who were given it, and absent where nothing is linked', async () => {
    const token = await longToken({}, scoped('instagram_basic'));
    expect((await as(token).get('me/accounts', { fields })).body.data).toEqual([
      { id: '111', instagram_business_account: { id: '17841400000000001', username: 'bakery' } },
      { id: '222' },
    ]);
    const short = await as(token).get('111', { fields: 'instagram_business_account' });
    expect(short.body).toMatchObject({ instagram_business_account: { id: '17841400000000001' } });
    expect((await as(token).get('17841400000000001', { fields: 'username' })).body).toEqual({
      id: '17841400000000001',
      username: 'bakery',
    });
    await control('PATCH', 'instagram_accounts/17841400000000001', { page_id: null });
    expect((await as(token).get('111', { fields })).body).toEqual({ id: '111' });
  });

  test('is absent without instagram_basic, or where it was not ticked', async () => {
    for (const token of [
      await longToken(),
      await longToken({ instagram_account_ids: [] }, scoped('instagram_basic')),
    ]) {
      expect((await as(token).get('111', { fields })).body).toEqual({ id: '111' });
      expect((await refusal(token, '17841400000000001', 'username')).code).toBe(10);
    }
  });
});

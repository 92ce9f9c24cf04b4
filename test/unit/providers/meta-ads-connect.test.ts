import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/secret.ts';
import { failureOf } from './sandbox-page.ts';
import { error, startScriptedMeta } from './scripted-meta.ts';

let meta: Awaited<ReturnType<typeof startScriptedMeta>>;
beforeAll(async () => {
  meta = await startScriptedMeta();
});
afterAll(() => meta.close());

const app = { appId: '4242', appSecret: new Secret('planted-app-secret'), configId: null };
const account = { externalAccountId: '5', token: new Secret('EAAUser'), ...app };
const told = (more: object = {}) => ({
  data: {
    app_id: '4242',
    is_valid: true,
    expires_at: 1900000000,
    scopes: ['ads_management', 'ads_read'],
    ...more,
  },
});
const ads = (id: string, status: number | string = 1) => ({
  id: `act_${id}`,
  account_id: id,
  name: `Ads ${id}`,
  account_status: status,
});

function adsLogin() {
  const { connect, ...seen } = meta.connect('meta_ads');
  const [login] = connect.logins;
  if (login === undefined) throw new Error('no login');
  return { connect, login, ...seen };
}

describe('ad accounts', () => {
  it("are the person's and those of their businesses, each once; only active ones can be used", async () => {
    meta.answer({
      'GET /debug_token': told(),
      'GET /me/adaccounts': { data: [ads('5'), ads('6', 2), ads('7', '101'), ads('8', 4242)] },
      'GET /me/businesses': { data: [{ id: '70' }] },
      'GET /70/owned_ad_accounts': { data: [ads('5'), ads('9')] },
      'GET /70/client_ad_accounts': [403, error(200)],
    });
    const { login, context } = adsLogin();
    const accounts = await login.accounts(
      app,
      {
        token: new Secret('EAAUser'),
        userId: null,
        expiresAt: null,
        dataAccessExpiresAt: null,
        scopes: ['ads_management', 'ads_read', 'business_management'],
      },
      context,
    );
    expect(accounts.map(({ externalAccountId: id, reason }) => [id, reason?.code])).toEqual([
      ['5', undefined],
      ['6', 'account_disabled'],
      ['7', 'account_disabled'],
      ['8', 'account_disabled'],
      ['9', undefined],
    ]);
    expect(accounts[2]?.reason?.text).toMatch(/^The ad account is closed\. /);
    expect(accounts[0]?.token?.reveal()).toBe('EAAUser');
  });

  it('are proven by reading them and by what Meta knows of the token', async () => {
    meta.answer({ 'GET /act_5': ads('5'), 'GET /debug_token': told() });
    const { connect, context, calls } = adsLogin();
    expect(await connect.verify(account, context)).toMatchObject({
      externalAccountId: '5',
      name: 'Ads 5',
      facts: { expiresAt: new Date(1900000000000), scopes: ['ads_management', 'ads_read'] },
    });
    expect(calls).toHaveLength(connect.verifyCalls);
  });

  it.each([
    ['account_disabled', ads('5', 3), told()],
    ['scope_missing', ads('5'), told({ scopes: ['ads_read'] })],
    [
      'scope_other_accounts',
      ads('5'),
      told({ granular_scopes: [{ scope: 'ads_management', target_ids: ['6'] }] }),
    ],
    ['posting_not_allowed', [403, error(200)], told()],
  ])('are refused: %s', async (key, read, debugged) => {
    meta.answer({ 'GET /act_5': read, 'GET /debug_token': debugged });
    const { connect, context } = adsLogin();
    expect((await failureOf(connect.verify(account, context))).record.key).toBe(key);
  });
});

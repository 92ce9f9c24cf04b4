import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/providers/account.ts';
import { Secret } from '../../../src/secret.ts';
import { failureOf } from './sandbox-page.ts';
import { error, startScriptedMeta } from './scripted-meta.ts';

let meta: Awaited<ReturnType<typeof startScriptedMeta>>;
beforeAll(async () => {
  meta = await startScriptedMeta();
});
afterAll(() => meta.close());

const account: Account = {
  externalAccountId: '1',
  token: new Secret('EAAThePagesToken'),
  appId: '4242',
  appSecret: new Secret('planted-app-secret'),
};
const pageToken = (more: object = {}) => ({
  data: {
    app_id: 4242,
    type: 'PAGE',
    is_valid: true,
    user_id: 1000001,
    profile_id: '1',
    expires_at: '0',
    data_access_expires_at: 1585040349,
    issued_at: 1577264349,
    scopes: ['pages_manage_posts', 'pages_read_engagement', 'read_insights'],
    ...more,
  },
});
const empty = { data: [] };
const answers = {
  'GET /me': { id: '1', name: 'Bakery' },
  'GET /debug_token': pageToken(),
  'GET /1/published_posts': empty,
  'GET /1/scheduled_posts': empty,
  'GET /1/promotable_posts': empty,
};
const notOurApp = [
  400,
  error(100, { message: 'The App_id in the input_token did not match the Viewing App' }),
] as const;
const wrongProof = [400, error(100, { type: 'GraphMethodException' })] as const;

function prove(more: object = {}, given: Partial<Account> = {}) {
  meta.answer({ ...answers, ...more });
  const { connect, context, paths } = meta.connect('facebook');
  const of = { ...account, ...given };
  return {
    verified: () => connect.verify(of, context),
    inspected: () => connect.inspect(of, context),
    paths,
    connect,
  };
}

describe('the proof of a Page', () => {
  it('brings what Meta knows of the token, and which lists it may read', async () => {
    const { verified, paths, connect } = prove();
    expect(await verified()).toEqual({
      externalAccountId: '1',
      name: 'Bakery',
      username: null,
      tasks: null,
      seen: { reads_drafts: 'yes', reads_scheduled: 'yes', reads_published: 'yes' },
      facts: {
        error: null,
        appId: '4242',
        userId: '1000001',
        expiresAt: 'never',
        dataAccessExpiresAt: new Date(1585040349000),
        issuedAt: new Date(1577264349000),
        scopes: ['pages_manage_posts', 'pages_read_engagement', 'read_insights'],
      },
    });
    expect(paths()).toHaveLength(connect.verifyCalls);
  });

  it('reads the lists as a look does', async () => {
    const from = meta.requests.length;
    await prove().verified();
    const lists = meta.requests.slice(from).filter(({ url }) => url.includes('_posts'));
    expect(lists).toHaveLength(3);
    for (const { url } of lists) {
      const { searchParams } = new URL(url, meta.url);
      expect(searchParams.get('fields')).toContain('attachments{type,media_type,target');
      expect(searchParams.get('limit')).toBe('1');
    }
  });

  it.each([
    ['(#10)', [403, error(10)], { reads_drafts: 'no', reads_scheduled: 'yes' }],
    ['an error of Meta', [500, error(1)], { reads_scheduled: 'yes' }],
  ])('takes a Page whose drafts answer %s', async (_what, answer, seen) => {
    const proof = await prove({ 'GET /1/promotable_posts': answer }).verified();
    expect(proof.seen).toEqual({ ...seen, reads_published: 'yes' });
  });

  it.each([
    [[403, error(10)], 'permission'],
    [[500, error(1)], 'retry'],
  ])('needs the list of what is published: %j', async (answer, expected) => {
    const { record } = await failureOf(prove({ 'GET /1/published_posts': answer }).verified());
    expect(record.class).toBe(expected);
  });

  it('says of an app without a secret that nothing is known of the token', async () => {
    const { verified, inspected, paths } = prove({}, { appId: undefined, appSecret: null });
    expect((await verified()).facts).toBeNull();
    expect(await inspected()).toBeNull();
    expect(paths()).not.toContain('GET /v26.0/debug_token');
  });

  it('says which permission is missing', async () => {
    const lacking = pageToken({ scopes: ['pages_read_engagement'] });
    const { record } = await failureOf(prove({ 'GET /debug_token': lacking }).verified());
    expect(record).toMatchObject({ class: 'permission', key: 'scope_missing' });
    expect(record.message).toBe('The token lacks pages_manage_posts');
  });

  it('refuses permissions that hold for other Pages', async () => {
    const elsewhere = pageToken({
      granular_scopes: [
        { scope: 'pages_manage_posts', target_ids: ['2', '3'] },
        { scope: 'pages_read_engagement' },
      ],
    });
    const { record } = await failureOf(prove({ 'GET /debug_token': elsewhere }).verified());
    expect(record).toMatchObject({ class: 'permission', key: 'scope_other_accounts' });
    expect(record.message).toContain('pages_manage_posts');
  });

  it('counts only the permissions that hold for this Page', async () => {
    const some = pageToken({ granular_scopes: [{ scope: 'read_insights', target_ids: ['2'] }] });
    const { facts } = await prove({ 'GET /debug_token': some }).verified();
    expect(facts?.scopes).toEqual(['pages_manage_posts', 'pages_read_engagement']);
  });

  it.each([
    ['at the proof of our secret', { 'GET /me': wrongProof, 'GET /debug_token': notOurApp }],
    ['at debug_token', { 'GET /debug_token': notOurApp }],
    ['by its name', { 'GET /debug_token': pageToken({ app_id: '4343' }) }],
  ])('knows the token of another app %s', async (_where, more) => {
    const failure = await failureOf(prove(more).verified());
    expect(failure.record.key).toBe('token_of_another_app');
    expect(failure.scope).toBe('app');
  });

  it('does not blame the token for a secret of ours that is wrong', async () => {
    const more = { 'GET /me': wrongProof, 'GET /debug_token': [400, error(190)] };
    const { record } = await failureOf(prove(more).verified());
    expect(record.key).toBe('app_secret_wrong');
  });
});

describe('looking at a token', () => {
  it('costs the Page nothing: the app asks', async () => {
    const from = meta.requests.length;
    const { inspected, paths } = prove();
    expect(await inspected()).toMatchObject({ error: null, expiresAt: 'never', userId: '1000001' });
    expect(paths()).toEqual(['GET /v26.0/debug_token']);
    expect(meta.requests[from]?.headers.authorization).toBe('Bearer 4242|planted-app-secret');
  });

  it('tells a dead one, in the words of Meta', async () => {
    const dead = pageToken({
      is_valid: false,
      error: { code: 190, subcode: 460, message: 'changed' },
    });
    expect((await prove({ 'GET /debug_token': dead }).inspected())?.error).toMatchObject({
      class: 'reauth',
      key: 'password_changed',
    });
    const mute = { data: { is_valid: false, scopes: [] } };
    expect((await prove({ 'GET /debug_token': mute }).inspected())?.error).toMatchObject({
      class: 'reauth',
      key: 'token_invalid',
    });
  });

  it.each([
    ['the app itself is refused', [400, error(190)]],
    ['the app is another', notOurApp],
  ])('takes no token for dead when %s', async (_what, answer) => {
    expect(await prove({ 'GET /debug_token': answer }).inspected()).toBeNull();
  });

  it('says so when the app has made too many calls', async () => {
    const { record } = await failureOf(prove({ 'GET /debug_token': [403, error(4)] }).inspected());
    expect(record.class).toBe('rate_limited');
  });

  it('says so when Meta cannot be reached', async () => {
    const { record } = await failureOf(prove({ 'GET /debug_token': [500, {}] }).inspected());
    expect(record.class).toBe('retry');
  });

  it('does not take what it cannot read for an end that never comes', async () => {
    const odd = pageToken({ expires_at: '', data_access_expires_at: 'soon' });
    expect(await prove({ 'GET /debug_token': odd }).inspected()).toMatchObject({
      expiresAt: 'unknown',
      dataAccessExpiresAt: null,
    });
  });
});

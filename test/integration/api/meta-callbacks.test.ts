import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { appBinding } from '../../../src/integrations/account.ts';
import { Secret } from '../../../src/secret.ts';
import { type ApiAnswer, createTestApi, type TestApi, toAnswer } from '../../support/api.ts';

const operators = { appId: '4001', secret: 'secret-of-the-operator' } as const;
const instagrams = { appId: '4002', secret: 'secret-of-the-instagram-app' } as const;
const tenants = { appId: '5001', secret: 'secret-of-the-tenants-own-app' } as const;

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi({
    env: {
      META_APP_ID: operators.appId,
      META_APP_SECRET: operators.secret,
      INSTAGRAM_APP_ID: instagrams.appId,
      INSTAGRAM_APP_SECRET: instagrams.secret,
    },
  });
});
afterAll(() => api.close());

function sign(userId: string, secret: string, more: object = {}): string {
  const fields = { algorithm: 'HMAC-SHA256', user_id: userId, issued_at: now(), ...more };
  const payload = Buffer.from(JSON.stringify(fields)).toString('base64url');
  return `${createHmac('sha256', secret).update(payload).digest('base64url')}.${payload}`;
}

const now = (): number => Math.floor(Date.now() / 1000);

async function tell(
  what: 'deauthorize' | 'data-deletion',
  text: string,
  remoteAddress = '127.0.0.1',
): Promise<ApiAnswer> {
  return toAnswer(
    await api.app.inject({
      method: 'POST',
      remoteAddress,
      url: `/v1/meta/${what}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ signed_request: text }).toString(),
    }),
  );
}

interface Row {
  readonly id: string;
  readonly status: string;
  readonly sealedToken: string | null;
  readonly userId: string | null;
  readonly username: string | null;
  readonly externalAccountId: string;
  readonly name: string | null;
  readonly error: unknown;
}

let users = 0;
const newUser = (): string => String(990_012_345_678_000 + (users += 1));

interface Wanted {
  readonly tenantId?: string;
  readonly userId: string;
  readonly appId?: string;
  readonly login?: 'facebook' | 'instagram';
  readonly connectedAt?: Date;
}

/** A connection with all that can rest on a person: its own token, their consent, and a choice that is under way. */
async function connected({ userId, appId = '', login = 'facebook', ...more }: Wanted) {
  const { prisma } = api.db;
  const tenantId = more.tenantId ?? (await prisma.tenant.create({ data: { name: 'T' } })).id;
  const sealedToken = 'v1.k1.sealed.sealed.sealed';
  const consent = { tenantId, appId, userId };
  const { id: loginId } = await prisma.login.upsert({
    where: { tenantId_appId_userId: consent },
    create: { ...consent, sealedToken },
    update: {},
  });
  const { id } = await prisma.integration.create({
    data: {
      ...consent,
      login,
      loginId,
      sealedToken,
      provider: login,
      externalAccountId: `account-${(users += 1)}`,
      name: 'The Bakery',
      username: 'bakery',
      scopes: ['pages_show_list'],
      connectedAt: more.connectedAt ?? new Date(Date.now() - 86_400_000),
    },
  });
  const expiresAt = new Date(Date.now() + 900_000);
  const pending = { ...consent, provider: login, login, sealed: sealedToken, expiresAt };
  const { id: connectionId } = await prisma.connection.create({ data: pending });
  const [post] = await api.db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message, publish_mode, scheduled_at)
           VALUES ($1, $2, 'approved', 'Hello', 'publish', now() + interval '1 day') RETURNING id`,
    values: [tenantId, id],
  });
  await api.db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, next_run_at = scheduled_at WHERE id = $1`,
    values: [post?.id],
  });
  return { id, tenantId, loginId, connectionId, postId: post?.id ?? '' };
}

type Connected = Awaited<ReturnType<typeof connected>>;

async function stateOf({ id, loginId, connectionId, postId }: Connected) {
  const { prisma } = api.db;
  const row: Row = await prisma.integration.findUniqueOrThrow({ where: { id } });
  const post = await prisma.socialPost.findUniqueOrThrow({ where: { id: postId } });
  const waiting = z.looseObject({ reason: z.string(), text: z.string() }).nullable();
  return {
    row,
    logins: await prisma.login.count({ where: { id: loginId } }),
    connections: await prisma.connection.count({ where: { id: connectionId } }),
    post: { status: post.status, waiting: waiting.parse(post.waiting) },
  };
}

async function isUntouched(one: Connected): Promise<boolean> {
  const { row, logins, connections } = await stateOf(one);
  return row.status === 'active' && row.sealedToken !== null && logins + connections === 2;
}

async function withOwnApp(appId: string, secret: string): Promise<string> {
  const { prisma } = api.db;
  const { id: tenantId } = await prisma.tenant.create({ data: { name: 'With an app' } });
  const sealedSecret = api.services.vault.seal(new Secret(secret), appBinding(tenantId, appId));
  await prisma.app.create({ data: { tenantId, provider: 'facebook', appId, sealedSecret } });
  return tenantId;
}

describe('deauthorize', () => {
  it('erases the tokens of that person, says so, and holds the posts', async () => {
    const userId = newUser();
    const theirs = await connected({ userId });
    const another = await connected({ userId: newUser() });
    const answer = await tell('deauthorize', sign(userId, operators.secret));
    expect([answer.status, answer.body]).toEqual([200, { success: true }]);
    const { row, logins, connections, post } = await stateOf(theirs);
    expect(row).toMatchObject({
      status: 'needs_reconnect',
      sealedToken: null,
      error: { class: 'reauth', key: 'app_deauthorized', who: 'tenant_admin' },
    });
    expect([logins, connections]).toEqual([0, 0]);
    expect(post).toMatchObject({ status: 'approved', waiting: { reason: 'integration' } });
    expect(post.waiting?.text).toContain('Connect the account again');
    expect(await isUntouched(another)).toBe(true);
  });

  it('reaches every tenant of the operator’s app, and the right one of the two apps', async () => {
    const userId = newUser();
    const [one, two] = [await connected({ userId }), await connected({ userId })];
    const other = await connected({ userId, login: 'instagram' });
    await tell('deauthorize', sign(userId, operators.secret));
    expect((await stateOf(one)).row.sealedToken).toBeNull();
    expect((await stateOf(two)).row.sealedToken).toBeNull();
    expect((await stateOf(other)).row).toMatchObject({ status: 'active' });
    await tell('deauthorize', sign(userId, instagrams.secret));
    expect((await stateOf(other)).row).toMatchObject({ status: 'needs_reconnect' });
  });

  it('of a tenant’s own app reaches that tenant and that app only', async () => {
    const userId = newUser();
    const tenantId = await withOwnApp(tenants.appId, tenants.secret);
    const own = await connected({ tenantId, userId, appId: tenants.appId });
    const shared = await connected({ tenantId, userId });
    const elsewhere = await connected({ userId, appId: tenants.appId });
    expect((await tell('deauthorize', sign(userId, tenants.secret))).status).toBe(200);
    expect((await stateOf(own)).row.status).toBe('needs_reconnect');
    expect(await isUntouched(shared)).toBe(true);
    expect(await isUntouched(elsewhere)).toBe(true);
  });

  it('told again after the person has connected again does no harm', async () => {
    const userId = newUser();
    const request = sign(userId, operators.secret, { issued_at: now() - 3600 });
    const theirs = await connected({ userId, connectedAt: new Date() });
    expect((await tell('deauthorize', request)).status).toBe(200);
    expect(await isUntouched(theirs)).toBe(true);
  });
});

describe('a data deletion', () => {
  it('leaves nothing of the person but a hash, and answers where to ask', async () => {
    const userId = newUser();
    const theirs = await connected({ userId });
    const answer = await tell('data-deletion', sign(userId, operators.secret));
    const code = z.string().parse(answer.body['confirmation_code']);
    expect(answer.status).toBe(200);
    expect(answer.body['url']).toBe(`https://publisher.test/v1/meta/data-deletion/${code}`);
    const { row, logins, connections, post } = await stateOf(theirs);
    expect(row).toMatchObject({ sealedToken: null, userId: null, username: null });
    expect(row).toMatchObject({ name: 'The Bakery', status: 'needs_reconnect' });
    expect([logins, connections, post.status]).toEqual([0, 0, 'approved']);
    const [kept] = await api.db.prisma.deletion.findMany({ where: { code } });
    expect(kept?.doneAt).toBeInstanceOf(Date);
    expect(JSON.stringify(await everything())).not.toContain(userId);
  });

  it('after the deauthorization finds what is left, and of an Instagram login takes the account too', async () => {
    const userId = newUser();
    const theirs = await connected({ userId, login: 'instagram' });
    await tell('deauthorize', sign(userId, instagrams.secret));
    await tell('data-deletion', sign(userId, instagrams.secret));
    const { row } = await stateOf(theirs);
    expect(row).toMatchObject({ userId: null, username: null, name: null });
    expect(row.externalAccountId).toBe(`deleted-${row.id}`);
  });

  it('forgets answers that were kept for repetitions and show what is deleted', async () => {
    const userId = newUser();
    const theirs = await connected({ userId });
    const { prisma } = api.db;
    const keep = (key: string, body: object) =>
      prisma.idempotencyKey.create({
        data: {
          scope: theirs.tenantId,
          key,
          requestHash: 'x',
          status: 200,
          response: { status: 200, body: JSON.stringify(body), headers: {}, sealed: false },
          lockedUntil: new Date(),
        },
      });
    await keep('shows it', { id: theirs.id, external_account_id: '1', username: 'bakery' });
    await keep('a post', { id: 'p', integration_id: theirs.id, external_id: '1_2' });
    await tell('data-deletion', sign(userId, operators.secret));
    const left = await prisma.idempotencyKey.findMany({ where: { scope: theirs.tenantId } });
    const bodies = left.map(({ key, response }) => [key, response === null]);
    expect(Object.fromEntries(bodies)).toEqual({ 'shows it': true, 'a post': false });
  });

  it('told again has the same code, and another person another', async () => {
    const request = sign(newUser(), operators.secret);
    const codes = [
      await tell('data-deletion', request),
      await tell('data-deletion', request),
      await tell('data-deletion', sign(newUser(), operators.secret)),
    ].map(({ body }) => body['confirmation_code']);
    expect(codes[1]).toBe(codes[0]);
    expect(codes[2]).not.toBe(codes[0]);
  });

  it('is shown to programs and to people, and no other code is', async () => {
    const { body } = await tell('data-deletion', sign(newUser(), operators.secret));
    const path = `/v1/meta/data-deletion/${z.string().parse(body['confirmation_code'])}`;
    const json = await api.call('GET', path, { token: null });
    const someTime: unknown = expect.any(String);
    expect(json.body).toMatchObject({ status: 'done', deleted_at: someTime });
    const page = await api.call('GET', path, { token: null, headers: { accept: 'text/html' } });
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).toContain('Your data was deleted');
    const unknown = await api.call('GET', `${path}0`, { token: null });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
  });
});

describe('what Meta did not sign', () => {
  const payload = Buffer.from(
    JSON.stringify({ algorithm: 'none', user_id: '1', issued_at: 1 }),
  ).toString('base64url');
  const signedNone = createHmac('sha256', operators.secret).update(payload).digest('base64url');
  it.each([
    ['another secret', sign('1', 'guessed')],
    ['another algorithm', `${signedNone}.${payload}`],
    ['no signature', `.${payload}`],
    ['a short signature', `${signedNone.slice(0, 20)}.${payload}`],
    ['another payload', `${sign('1', operators.secret).split('.')[0]}.${payload}`],
    ['no person', sign('', operators.secret)],
    ['nothing', 'x'],
  ])('is refused: %s', async (_name, text) => {
    const theirs = await connected({ userId: '1' });
    for (const what of ['deauthorize', 'data-deletion'] as const) {
      const { status, body } = await tell(what, text);
      expect([status, body.code]).toEqual([400, 'signature_invalid']);
    }
    expect(await isUntouched(theirs)).toBe(true);
    await api.db.prisma.integration.update({ where: { id: theirs.id }, data: { userId: null } });
  });

  it('is heard so often a minute from an address, and Meta from its own all the same', async () => {
    const statuses = [];
    for (let n = 0; n < 22; n += 1) {
      statuses.push((await tell('deauthorize', sign('1', 'guessed'), '198.51.100.7')).status);
    }
    expect(statuses.filter((status) => status === 400)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
    const word = sign(newUser(), operators.secret);
    expect((await tell('deauthorize', word, '203.0.113.9')).status).toBe(200);
  });

  it('comes as a form or not at all, and is small', async () => {
    const body = { signed_request: sign('1', operators.secret) };
    const json = await api.call('POST', '/v1/meta/deauthorize', { body, token: null });
    expect([json.status, json.body.code]).toEqual([415, 'unsupported_media_type']);
    const large = await tell('deauthorize', 'x'.repeat(20_000));
    expect([large.status, large.body.code]).toEqual([413, 'body_too_large']);
    expect(api.logged.join('')).not.toContain(body.signed_request);
  });

  it('cannot use the keys of others for repetitions', async () => {
    await api.app.inject({
      method: 'POST',
      url: '/v1/meta/deauthorize',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'idempotency-key': 'of a stranger',
      },
      payload: 'signed_request=x',
    });
    const taken = await api.db.prisma.idempotencyKey.count({ where: { key: 'of a stranger' } });
    expect(taken).toBe(0);
  });
});

/** All that the database holds, as text. */
async function everything(): Promise<unknown> {
  const tables = await api.db.query<{ name: string }>({
    text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'social_publisher'`,
  });
  const rows = tables.map(({ name }) =>
    api.db.query({ text: `SELECT t::text AS row FROM social_publisher."${name}" t` }),
  );
  return Promise.all(rows);
}

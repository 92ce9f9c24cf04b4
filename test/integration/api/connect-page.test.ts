import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestApi, type TestApi, type TestTenant } from '../../support/api.ts';
import { type Meta, startMeta } from '../../support/meta.ts';
import { networksAt } from '../../support/networks.ts';

const secret = 'secret-of-the-operator';
let api: TestApi;
let meta: Meta;
let tenant: TestTenant;

beforeAll(async () => {
  meta = await startMeta();
  await meta.control('POST', 'apps', { id: '77', secret, name: 'Calendar' });
  api = await createTestApi({
    providers: networksAt({ baseUrl: meta.url, websiteUrl: meta.url }),
    env: { META_APP_ID: '77', META_APP_SECRET: secret },
  });
  tenant = await api.createTenant({ name: 'Bakery <b>' });
});
afterAll(async () => {
  await api.close();
  await meta.close();
});

async function newLink(body: object = {}, key = tenant.key): Promise<string> {
  const made = await api.call('POST', '/v1/connect-links', { token: key, body });
  expect(made.status).toBe(201);
  return new URL(z.string().parse(made.body['url'])).pathname;
}

async function open(path: string, cookie = '') {
  const answer = await api.app.inject({ method: 'GET', url: path, headers: { cookie } });
  const set = z.string().catch('').parse(answer.headers['set-cookie']);
  const [, formKey = ''] = /name="form_key" value="([^"]+)"/.exec(answer.body) ?? [];
  return { status: answer.statusCode, text: answer.body, headers: answer.headers, set, formKey };
}

function send(path: string, form: Readonly<Record<string, string>>, cookie: string) {
  return api.app.inject({
    method: 'POST',
    url: path,
    headers: { 'content-type': 'application/x-www-form-urlencoded', cookie },
    payload: new URLSearchParams(form).toString(),
  });
}

const cookieOf = (set: string): string => set.split(';')[0] ?? '';
const start = { provider: 'facebook', login: 'facebook' };

describe('a link', () => {
  it('opens a page that tells nobody of it, keeps nothing, and takes forms to itself only', async () => {
    const page = await open(await newLink());
    expect(page.status).toBe(200);
    expect(page.text).toContain('Bakery &#60;b&#62;');
    expect(page.headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    });
    expect(page.set).toMatch(/HttpOnly; SameSite=Lax; Secure$/);
    expect(page.text).not.toContain('<script');
  });

  it('is stored as a hash only, and no log line has it', async () => {
    const path = await newLink();
    const token = path.split('/').at(-1) ?? '';
    await open(path);
    await open(`${path}/nothing`);
    await api.app.inject({ method: 'PUT', url: path });
    await send(path, { form_key: 'x' }, '');
    const rows = await api.db.query({
      text: `SELECT l::text AS row FROM social_publisher.connect_links l
             UNION ALL SELECT s::text FROM social_publisher.connect_states s`,
    });
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(api.logged.join('')).not.toContain(token);
  });

  it('offers the network that it is for, or all that have an app', async () => {
    const all = await open(await newLink());
    expect(all.text).toContain('Connect Facebook Pages');
    expect(all.text).toContain('Connect ad accounts');
    expect(all.text).not.toContain('Connect an Instagram account');
    const one = await open(await newLink({ provider: 'facebook' }));
    expect(one.text).toContain('Connect Facebook Pages');
    expect(one.text).not.toContain('Connect ad accounts');
    const page = await open(await newLink({ provider: 'facebook' }));
    const path = await newLink({ provider: 'facebook' });
    const { set, formKey } = await open(path);
    const form = { form_key: formKey, provider: 'meta_ads', login: 'facebook' };
    expect((await send(path, form, cookieOf(set))).statusCode).toBe(422);
    expect(page.status).toBe(200);
  });

  it('is not for keys that only read, nor for a network that there is not', async () => {
    const read = await api.call('POST', '/v1/connect-links', { token: tenant.readKey, body: {} });
    expect(read.status).toBe(403);
    const body = { provider: 'friendster' };
    const unknown = await api.call('POST', '/v1/connect-links', { token: tenant.key, body });
    expect([unknown.status, unknown.body.code]).toEqual([422, 'unknown_provider']);
  });

  it('that nobody made, or that is over, says whom to ask', async () => {
    const unknown = await open(`/connect/sp_connect_${'x'.repeat(43)}`);
    expect([unknown.status, unknown.headers['content-type']]).toEqual([
      404,
      'text/html; charset=utf-8',
    ]);
    const path = await newLink();
    await api.db.query({
      text: `UPDATE social_publisher.connect_links SET expires_at = clock_timestamp()`,
    });
    const over = await open(path);
    expect(over.status).toBe(410);
    for (const { text } of [unknown, over]) expect(text).toContain('Ask whoever sent it to you');
  });
});

describe('a form', () => {
  it('leads to Meta, by an address without any secret of the link', async () => {
    const path = await newLink();
    const { set, formKey } = await open(path);
    const onward = await send(path, { ...start, form_key: formKey }, cookieOf(set));
    expect(onward.statusCode).toBe(200);
    const [, url = ''] = /content="0;url=([^"]+)"/.exec(onward.body) ?? [];
    expect(url).toMatch(/^https:\/\/publisher\.test\/v1\/connect\/facebook\/start\?state=[\w-]+$/);
    const [state] = await api.db.query<{ redirect_url: string }>({
      text: 'SELECT redirect_url FROM social_publisher.connect_states ORDER BY created_at DESC LIMIT 1',
    });
    expect(state?.redirect_url).toMatch(/\/connect\/return\/[0-9a-f]{24}$/);
  });

  it('counts only from the browser that it was shown to, and for its own link', async () => {
    const [path, other] = [await newLink(), await newLink()];
    const [mine, theirs] = [await open(path), await open(other)];
    const good = cookieOf(mine.set);
    for (const [cookie, formKey] of [
      ['', mine.formKey],
      [cookieOf(theirs.set), mine.formKey],
      [good, theirs.formKey],
      [good, ''],
    ] as const) {
      const refused = await send(path, { ...start, form_key: formKey }, cookie);
      expect(refused.statusCode).toBe(403);
      expect(refused.body).toContain('Open the link that you were sent once more');
    }
    expect((await send(path, { ...start, form_key: mine.formKey }, good)).statusCode).toBe(200);
  });

  it('is not taken without end', async () => {
    const path = await newLink();
    const { set, formKey } = await open(path);
    const statuses: number[] = [];
    for (let times = 0; times < 45; times += 1) {
      const { statusCode } = await send(path, { ...start, form_key: formKey }, cookieOf(set));
      statuses.push(statusCode);
    }
    expect(statuses.at(-1)).toBe(429);
  });
});

describe('the way back', () => {
  it('is found by the cookie of the browser alone, and shows no words of others', async () => {
    const path = await newLink();
    const { set } = await open(path);
    const [, id = ''] = /^sp_link_([0-9a-f]{24})=/.exec(set) ?? [];
    const back = `/connect/return/${id}?fb_error=authorization_denied`;
    expect((await open(back)).status).toBe(400);
    const known = await open(back, cookieOf(set));
    expect(known.status).toBe(303);
    const to = new URL(String(known.headers['location']), 'https://publisher.test/connect/return/');
    expect(to.pathname).toBe(path);
    const told = await open(to.pathname + to.search, cookieOf(set));
    expect(told.text).toContain('the permission was not given');
    const forged = await open(`${path}?error=<script>alert(1)</script>`);
    expect(forged.text).not.toContain('alert(1)');
  });

  it('to a choice of another tenant leads nowhere', async () => {
    const path = await newLink();
    const answer = await open(`${path}/choose/01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d`);
    expect(answer.status).toBe(410);
    expect(answer.text).toContain('Too much time has passed');
    expect((await open(`${path}/choose/nonsense`)).status).toBe(410);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startApi } from '../../src/api/server.ts';
import { type Browser, browserObstacle, openBrowser, type Tab } from '../support/browser.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { type Meta, startMeta } from '../support/meta.ts';

const operatorToken = 'an-operator-token-for-tests';
const shared = { id: '77', secret: 'secret-of-the-operators-app', name: 'Calendar' };
const own = { id: '99', secret: 'secret-of-the-tenants-app', name: 'The Brewery’s own app' };
const shots = process.env['TEST_SHOTS'];
const anna = '501';
const ben = '502';

if (browserObstacle !== undefined) {
  process.stdout.write(`skipped: the pages for people in a browser (${browserObstacle})\n`);
}

describe.skipIf(browserObstacle !== undefined)('a person with a link, in Chromium', () => {
  let database: TestDatabase;
  let meta: Meta;
  let fleet: Fleet;
  let browser: Browser;
  let api: Awaited<ReturnType<typeof startApi>>;
  let origin: string;
  let tab: Tab;

  beforeAll(async () => {
    [database, meta, browser] = await Promise.all([
      createTestDatabase(),
      startMeta(),
      openBrowser(),
    ]);
    fleet = await openFleet({
      backend: 'postgres',
      databaseUrl: database.url,
      metaUrl: meta.url,
      env: {
        FACEBOOK_DIALOG_BASE_URL: meta.url,
        META_APP_ID: shared.id,
        META_APP_SECRET: shared.secret,
      },
    });
    api = await startApi(fleet.services);
    // Another site than the sandbox's address, as Meta is.
    origin = api.url.replace('127.0.0.1', 'localhost');
    await fleet.start('scheduler', 'publisher', 'background');
    await meta.control('POST', 'apps', shared);
    await meta.control('POST', 'apps', own);
    await meta.control('POST', 'users', { id: anna, name: 'Anna' });
    await meta.control('POST', 'users', { id: ben, name: 'Ben' });
    for (let number = 1; number <= 60; number += 1) {
      const name = `${number % 2 === 0 ? 'Bakery' : 'Café'} ${number}`;
      await meta.page({ id: String(1000 + number), name, user_id: anna });
    }
    await meta.page({ id: '2001', name: 'The Brewery', user_id: ben });
  });
  afterAll(async () => {
    await browser?.close();
    await api?.app.close();
    await fleet?.close();
    await meta?.close();
    await database?.drop();
  });
  beforeEach(async () => {
    tab = await browser.person();
  });

  async function call(method: string, path: string, body?: object, tenantId?: string) {
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${operatorToken}`,
        ...(tenantId === undefined ? {} : { 'tenant-id': tenantId }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
    return z.looseObject({}).parse(JSON.parse(text));
  }

  /** A tenant, and the link that its people were sent. */
  async function aTenant(name: string, link: object = {}) {
    const made = await call('POST', '/v1/tenants', { name, auto_publish: true });
    const id = z.string().parse(made['id']);
    const { url } = await call('POST', '/v1/connect-links', link, id);
    return { id, link: z.string().parse(url) };
  }

  async function integrationsOf(tenantId: string) {
    const { data } = await call('GET', '/v1/integrations', undefined, tenantId);
    return z
      .array(z.looseObject({ id: z.string(), name: z.string().nullable(), status: z.string() }))
      .parse(data);
  }

  async function publish(tenantId: string, integrationId: string): Promise<string> {
    const body = {
      integration_id: integrationId,
      message: 'Fresh rolls.',
      publish_mode: 'publish',
      status: 'approved',
    };
    return z.string().parse((await call('POST', '/v1/posts', body, tenantId))['id']);
  }

  const postOf = (tenantId: string, id: string) =>
    call('GET', `/v1/posts/${id}`, undefined, tenantId);

  async function reaches(tenantId: string, id: string, status: string): Promise<void> {
    await until(`the post is ${status}`, async () => {
      const post = await postOf(tenantId, id);
      return post['status'] === status;
    });
  }

  async function shoot(name: string): Promise<void> {
    if (shots === undefined) return;
    for (const width of [390, 1280]) await tab.shoot(`${shots}/${name}-${width}.png`, width);
  }

  const dialog = /\/dialog\/oauth\?/;
  const choosing = /\/choose\/[0-9a-f-]{36}(#choose)?$/;
  const overview = /\/connect\/sp_connect_[\w-]+(\?\w+=\w+#notice)?$/;

  it('connects one of sixty Pages, after a permission was left out at first, and publishes', async () => {
    const { id, link } = await aTenant('Corner Bakery');
    await tab.goto(link);
    expect(await tab.text()).toContain('Connect accounts of Corner Bakery');
    await shoot('1-overview-empty');
    await tab.press('Connect Facebook Pages');
    await tab.arrives(dialog);
    await tab.toggle('pages_manage_posts');
    await tab.press('Continue');
    await tab.arrives(choosing);
    expect(await tab.text()).toContain('None of these accounts can be connected');
    expect(await tab.text()).toContain('pages_manage_posts');
    await shoot('2-choose-none');

    await tab.press('Log in again, and allow more');
    await tab.arrives(dialog);
    await tab.press('Continue');
    await tab.arrives(choosing);
    const boxes = await tab.evaluate(`document.querySelectorAll('input[name=account]').length`);
    expect(boxes).toBe(60);
    await shoot('3-choose-many');
    await tab.press('Connect what is ticked');
    expect(await tab.text()).toContain('Nothing was ticked');
    await tab.toggle('Café 37');
    await tab.press('Connect what is ticked');
    await tab.arrives(overview);
    expect(await tab.text()).toMatch(/Connected\n[\s\S]*Café 37/);
    await shoot('4-done');

    const [integration, ...others] = await integrationsOf(id);
    expect([integration?.name, integration?.status, others]).toEqual(['Café 37', 'active', []]);
    await reaches(id, await publish(id, integration?.id ?? ''), 'published');
    expect(await meta.posts('1037')).toHaveLength(1);
    expect(tab.refusals).toEqual([]);
  });

  it('says so when the person denies, when the login is over, and when it was used before', async () => {
    const { id, link } = await aTenant('Corner Bakery 2');
    await tab.goto(link);
    await tab.press('Connect Facebook Pages');
    await tab.arrives(dialog);
    await tab.press('Cancel');
    await tab.arrives(overview);
    expect(await tab.text()).toContain('Not connected: the permission was not given');
    await shoot('5-denied');

    await tab.press('Connect Facebook Pages');
    await tab.arrives(dialog);
    await fleet.db.query({
      text: `UPDATE social_publisher.connect_states SET expires_at = clock_timestamp() WHERE tenant_id = $1`,
      values: [id],
    });
    await tab.press('Continue');
    await tab.arrives(overview);
    expect(await tab.text()).toContain('Not connected: the login is over');

    await tab.press('Connect Facebook Pages');
    await tab.arrives(dialog);
    await tab.press('Continue');
    await tab.arrives(choosing);
    await tab.back();
    await tab.arrives(dialog);
    await tab.press('Continue');
    await tab.arrives(overview);
    expect(await tab.text()).toContain('the same login was used before');

    await tab.press('Connect Facebook Pages');
    await tab.arrives(dialog);
    await tab.press('Continue');
    await tab.arrives(choosing);
    await tab.toggle('Bakery 12');
    await tab.toggle('Bakery 14');
    await tab.press('Connect what is ticked');
    await tab.arrives(overview);
    expect(await tab.text()).toContain('2 accounts are connected');
    expect(await integrationsOf(id)).toHaveLength(2);
    expect(tab.refusals).toEqual([]);
  });

  it('needs no mouse', async () => {
    const { id, link } = await aTenant('Corner Bakery 3', { provider: 'facebook' });
    await tab.goto(link);
    await tab.keys('Tab', 'Enter');
    await tab.arrives(dialog);
    await tab.press('Continue');
    await tab.arrives(choosing);
    // From the heading to the first box; Enter in it sends the form.
    await tab.keys('Tab', ' ', 'Enter');
    await tab.arrives(overview);
    expect(await integrationsOf(id)).toHaveLength(1);
    const focused = await tab.evaluate(`document.activeElement.getAttribute('role')`);
    expect(focused).toBe('status');
  });

  it('connects a second tenant with its own app, whose people and Pages nobody else sees', async () => {
    const brewery = await aTenant('Brewery');
    await call('PUT', '/v1/apps/facebook', { app_id: own.id, app_secret: own.secret }, brewery.id);
    await tab.goto(brewery.link);
    await tab.press('Connect Facebook Pages');
    await tab.arrives(dialog);
    expect(await tab.text()).toContain(`${own.name} asks for access`);
    await tab.evaluate(`document.querySelector('[name=sandbox_user]').value = '${ben}'`);
    await tab.press('Switch');
    await tab.press('Continue');
    const address = await tab.arrives(choosing);
    expect(await tab.text()).toContain('The Brewery');
    await shoot('6-choose-one');

    const stranger = await browser.person();
    const other = await aTenant('Stranger');
    const connection = /[0-9a-f-]{36}/.exec(address)?.[0];
    await stranger.goto(`${other.link}/choose/${connection}`);
    expect(await stranger.text()).toContain('Too much time has passed');

    // The only one is ticked already.
    await tab.press('Connect what is ticked');
    await tab.arrives(overview);
    const [integration] = await integrationsOf(brewery.id);
    expect(integration).toMatchObject({ name: 'The Brewery', status: 'active' });
    const [row] = await fleet.db.query<{ app_id: string }>({
      text: 'SELECT app_id FROM social_publisher.integrations WHERE id = $1',
      values: [integration?.id],
    });
    expect(row?.app_id).toBe(own.id);
  });

  it('connects again what has died, and the posts that waited go out', async () => {
    const { id, link } = await aTenant('Corner Bakery 4');
    await tab.goto(link);
    await tab.press('Connect Facebook Pages');
    await tab.arrives(dialog);
    await tab.press('Continue');
    await tab.arrives(choosing);
    await tab.toggle('Bakery 20');
    await tab.press('Connect what is ticked');
    await tab.arrives(overview);
    const [integration] = await integrationsOf(id);
    const integrationId = integration?.id ?? '';

    await meta.control('PATCH', `users/${anna}`, { password_changed: true });
    const post = await publish(id, integrationId);
    await until('the post waits for its account', async () => {
      const { waiting } = await postOf(id, post);
      return (
        z.looseObject({ reason: z.string() }).safeParse(waiting).data?.reason === 'integration'
      );
    });
    await tab.goto(link);
    expect(await tab.text()).toContain('Not working');
    await shoot('7-not-working');
    await tab.press('Connect again');
    await tab.arrives(dialog);
    await tab.press('Continue');
    await tab.arrives(choosing);
    // It was connected before, so it is ticked already.
    await tab.press('Connect what is ticked');
    await tab.arrives(overview);
    await shoot('8-again');
    expect(await integrationsOf(id)).toMatchObject([{ id: integrationId, status: 'active' }]);
    await reaches(id, post, 'published');
    expect(await meta.posts('1020')).toHaveLength(1);
  });
});

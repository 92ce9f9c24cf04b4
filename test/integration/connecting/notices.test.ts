import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorRecord } from '../../../src/errors.ts';
import { readEvents } from '../../../src/events/store.ts';
import { eventTypes } from '../../../src/events/view.ts';
import { markTrouble } from '../../../src/integrations/health-store.ts';
import { findTenantsToTell, noteEnds, takeNotices } from '../../../src/notices/store.ts';
import { tellTenant } from '../../../src/notices/tell.ts';
import type { Services } from '../../../src/services.ts';
import { type Clock, openClock } from '../../support/clock.ts';
import { type Mailbox, openMailbox } from '../../support/mailbox.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const dead = {
  class: 'reauth',
  key: 'token_password_changed',
  provider_code: 190,
  provider_subcode: 460,
  message: 'Error validating access token',
  user_message: 'The person who connected the Page has changed their password.',
  action: 'Connect the Page again.',
  who: 'tenant_admin',
  retryable: false,
  fbtrace_id: null,
  at: '2026-11-20T12:00:00.000Z',
} as const satisfies ErrorRecord;
const keyed: unknown = expect.objectContaining({ key: dead.key });
const someText: unknown = expect.any(String);

describe('notices', () => {
  let it: Pipeline;
  let clock: Clock;
  let mailbox: Mailbox;
  let services: Services;
  let email = '';
  let made = 0;

  beforeAll(async () => {
    mailbox = await openMailbox();
    const env = {
      SMTP_URL: mailbox.url,
      MAIL_FROM: 'Publisher <publisher@example.test>',
      PUBLIC_URL: 'https://publish.example.test',
    };
    it = await openPipeline('postgres', { env });
    ({ services } = it.fleet);
    clock = await openClock(it.fleet.db, (ms) =>
      it.meta.control('POST', 'clock', { advance_ms: ms }),
    );
  });
  afterAll(async () => {
    await it.close();
    await mailbox.close();
  });
  beforeEach(() => {
    made += 1;
    email = `marketing-${made}@tenant.test`;
  });
  afterEach(() => {
    mailbox.mood = 'takes';
  });

  const sql = (text: string, ...values: unknown[]) =>
    it.fleet.db.query<Record<string, unknown>>({ text, values });
  const anOutlet = async (more: { of?: Outlet; name?: string } = {}): Promise<Outlet> => {
    const outlet = await it.outlet();
    const tenantId = more.of?.tenantId ?? outlet.tenantId;
    await sql(
      `UPDATE social_publisher.integrations SET name = $2, tenant_id = $3 WHERE id = $1`,
      outlet.integrationId,
      more.name ?? 'Bakery',
      tenantId,
    );
    await sql(
      `UPDATE social_publisher.tenants SET contact_email = $2, name = 'Lindner', timezone = 'Europe/Berlin' WHERE id = $1`,
      tenantId,
      email,
    );
    return { ...outlet, tenantId };
  };
  const end = ({ integrationId }: Outlet, error: ErrorRecord = dead) =>
    it.fleet.db.transaction((tx) =>
      markTrouble(tx, integrationId, { status: 'needs_reconnect', error, isProbed: false }),
    );
  const heal = ({ integrationId }: Outlet) =>
    sql(
      `UPDATE social_publisher.integrations SET status = 'active', error = NULL, sealed_token = 'x' || sealed_token, connected_at = clock_timestamp() WHERE id = $1`,
      integrationId,
    );
  const tell = ({ tenantId }: Outlet) => tellTenant(services, tenantId);
  const mails = () => mailbox.mails.filter(({ to }) => to === email);
  const notices = ({ tenantId }: Outlet) =>
    sql(
      `SELECT kind, n.state, n.error FROM social_publisher.notices n
         JOIN social_publisher.integrations i ON i.id = n.integration_id WHERE i.tenant_id = $1 ORDER BY n.id`,
      tenantId,
    );
  const events = async ({ tenantId }: Outlet) =>
    (
      await readEvents(it.fleet.db, { tenantId, after: 0, types: connectionTypes, limit: 200 })
    ).events.map(({ type, from, to, data }) => ({ type, from, to, data }));
  const connectionTypes = eventTypes.filter((type) => type.startsWith('integration.'));
  const endsIn = ({ integrationId }: Outlet, column: string, days: number) =>
    sql(
      `UPDATE social_publisher.integrations SET ${column} = clock_timestamp() + $2 * interval '1 day' WHERE id = $1`,
      integrationId,
      days,
    );

  test('a connection that dies is told at once: what happened, the posts at risk, and where to reconnect', async () => {
    const outlet = await anOutlet();
    const dueAt = new Date('2027-07-05T12:00:00Z');
    await it.posts(outlet, [
      { message: 'Fresh rolls\nfrom six on', scheduledAt: dueAt },
      { message: 'Later', scheduledAt: new Date(dueAt.getTime() + dayMs) },
    ]);
    await end(outlet);
    expect(await findTenantsToTell(it.fleet.db, 10)).not.toContain(outlet.tenantId);
    await clock.advance(minuteMs / 2);
    expect(await findTenantsToTell(it.fleet.db, 10)).toContain(outlet.tenantId);
    await tell(outlet);
    await tell(outlet);
    expect(mails()).toHaveLength(1);
    const [mail] = mails();
    expect(mail?.subject).toBe('The connection to Bakery (Facebook) needs you (2 posts at risk)');
    expect(mail?.text).toContain('The person who connected the Page has changed their password.');
    expect(mail?.text).toContain('What to do: Connect the Page again.');
    expect(mail?.text).toContain(
      '2 posts wait, the first due on Monday, 5 July 2027, 14:00 (Europe/Berlin):',
    );
    expect(mail?.text).toContain(
      '- Monday, 5 July 2027, 14:00 (Europe/Berlin): Fresh rolls from six on',
    );
    expect(mail?.text).toMatch(/https:\/\/publish\.example\.test\/connect\/sp_connect_[\w-]{43}/);
    expect(await events(outlet)).toEqual([
      {
        type: 'integration.needs_reconnect',
        from: 'active',
        to: 'needs_reconnect',
        data: { error: keyed },
      },
    ]);
  });

  test('many that die together are told in one mail', async () => {
    const first = await anOutlet({ name: 'Page 1' });
    const others = await Promise.all(
      [2, 3, 4].map((at) => anOutlet({ of: first, name: `Page ${at}` })),
    );
    for (const outlet of [first, ...others]) await end(outlet);
    await clock.advance(minuteMs);
    await tell(first);
    expect(mails()).toHaveLength(1);
    expect(mails()[0]?.subject).toBe('4 connections need you');
    for (const at of [1, 2, 3, 4]) expect(mails()[0]?.text).toContain(`Page ${at} (Facebook)`);
    expect(mails()[0]?.noticeIds).toHaveLength(4);
  });

  test('one that works again before the mail goes is not told of', async () => {
    const outlet = await anOutlet();
    await end(outlet);
    await heal(outlet);
    await clock.advance(minuteMs);
    await tell(outlet);
    expect(mails()).toEqual([]);
    expect(await notices(outlet)).toMatchObject([{ state: 'dropped' }]);
  });

  test('one that is only out of sight is told of when it stays so', async () => {
    const outlet = await anOutlet();
    await end(outlet, { ...dead, key: 'account_not_visible' });
    await clock.advance(2 * minuteMs);
    await tell(outlet);
    expect(mails()).toEqual([]);
    await clock.advance(4 * minuteMs);
    await tell(outlet);
    expect(mails()).toHaveLength(1);
  });

  test('one that comes and goes is told once in half a day, one that was connected again and died each time', async () => {
    const outlet = await anOutlet();
    const recover = () =>
      sql(
        `UPDATE social_publisher.integrations SET status = 'active', error = NULL WHERE id = $1`,
        outlet.integrationId,
      );
    for (let turn = 0; turn < 3; turn += 1) {
      await end(outlet);
      await clock.advance(minuteMs);
      await tell(outlet);
      await recover();
    }
    expect(mails()).toHaveLength(1);
    await heal(outlet);
    await clock.advance(minuteMs);
    await end(outlet);
    await clock.advance(minuteMs);
    await tell(outlet);
    expect(mails()).toHaveLength(2);
  });

  test('an end that nobody can prevent is told 14, 7 and 2 days ahead, each once', async () => {
    const outlet = await anOutlet();
    await endsIn(outlet, 'data_access_expires_at', 20);
    const told: string[] = [];
    for (let day = 0; day < 20; day += 1) {
      await Promise.all([noteEnds(it.fleet.db), noteEnds(it.fleet.db)]);
      await clock.advance(minuteMs);
      await tell(outlet);
      told.push(
        ...mails()
          .slice(told.length)
          .map(() => String(20 - day)),
      );
      await clock.advance(dayMs - minuteMs);
    }
    expect(told).toEqual(['14', '7', '2']);
    expect(mails()[0]?.text).toContain('the last login is then 90 days old');
    const types = (await events(outlet)).map(({ type, data }) => `${type} ${String(data['days'])}`);
    expect(types).toEqual([14, 7, 2].map((days) => `integration.access_ends ${days}`));
  });

  test('the end of a token that is renewed is told of only when renewing it keeps failing', async () => {
    const outlet = await anOutlet();
    await endsIn(outlet, 'token_expires_at', 10);
    await sql(
      `UPDATE social_publisher.integrations SET renew_at = clock_timestamp() WHERE id = $1`,
      outlet.integrationId,
    );
    await noteEnds(it.fleet.db);
    expect(await notices(outlet)).toEqual([]);
    await clock.advance(4 * dayMs);
    await noteEnds(it.fleet.db);
    expect(await notices(outlet)).toMatchObject([{ kind: 'token_ends_7' }]);
  });

  test('an end that was put off before the mail goes is not told of', async () => {
    const outlet = await anOutlet();
    await endsIn(outlet, 'token_expires_at', 10);
    await noteEnds(it.fleet.db);
    await endsIn(outlet, 'token_expires_at', 60);
    await clock.advance(minuteMs);
    await tell(outlet);
    expect(mails()).toEqual([]);
  });

  test.each(['refuses', 'hangs_up_before_data'] as const)(
    'a mail that the server certainly has not taken is tried again (%s)',
    async (mood) => {
      const outlet = await anOutlet();
      await end(outlet);
      await clock.advance(minuteMs);
      mailbox.mood = mood;
      await tell(outlet);
      expect(await notices(outlet)).toMatchObject([{ state: 'due', error: someText }]);
      mailbox.mood = 'takes';
      await clock.advance(2 * minuteMs);
      await tell(outlet);
      expect(mails()).toHaveLength(1);
      expect(await notices(outlet)).toMatchObject([{ state: 'sent' }]);
    },
  );

  test('a mail whose answer was lost is never sent again', async () => {
    const outlet = await anOutlet();
    await end(outlet);
    await clock.advance(minuteMs);
    mailbox.mood = 'loses_its_answer';
    await tell(outlet);
    mailbox.mood = 'takes';
    await clock.advance(dayMs);
    await tell(outlet);
    expect(mails()).toHaveLength(1);
    expect(await notices(outlet)).toMatchObject([{ state: 'unknown' }]);
  });

  test('a mail that we could not even write is written again', async () => {
    const outlet = await anOutlet();
    await end(outlet);
    await clock.advance(minuteMs);
    await sql('ALTER TABLE social_publisher.connect_links RENAME TO away');
    try {
      await tell(outlet);
    } finally {
      await sql('ALTER TABLE social_publisher.away RENAME TO connect_links');
    }
    expect(mails()).toEqual([]);
    expect(await notices(outlet)).toMatchObject([{ state: 'due', error: someText }]);
    await clock.advance(2 * minuteMs);
    await tell(outlet);
    expect(mails()).toHaveLength(1);
    expect(await notices(outlet)).toMatchObject([{ state: 'sent' }]);
  });

  test('a mail whose sender is gone is never sent again', async () => {
    const outlet = await anOutlet();
    await end(outlet);
    await clock.advance(minuteMs);
    await it.fleet.db.transaction((tx) => takeNotices(tx, outlet.tenantId));
    await clock.advance(11 * minuteMs);
    await tell(outlet);
    expect(mails()).toEqual([]);
    expect(await notices(outlet)).toMatchObject([{ state: 'unknown' }]);
  });

  test('two workers at once send one mail', async () => {
    const outlet = await anOutlet();
    await end(outlet);
    await clock.advance(minuteMs);
    await Promise.all([tell(outlet), tell(outlet), tell(outlet)]);
    expect(mails()).toHaveLength(1);
  });

  test.each([
    ['without SMTP_URL', 'No mail is sent: SMTP_URL is not set.'],
    ['without a contact', 'The tenant has no contact_email.'],
  ])('%s nothing is sent, then or later, and the event is there', async (name, why) => {
    const outlet = await anOutlet();
    if (name === 'without a contact')
      await sql(
        `UPDATE social_publisher.tenants SET contact_email = NULL WHERE id = $1`,
        outlet.tenantId,
      );
    await end(outlet);
    await clock.advance(minuteMs);
    const off =
      name === 'without SMTP_URL'
        ? { ...services, config: { ...services.config, mail: null } }
        : services;
    await tellTenant(off, outlet.tenantId);
    await tell(outlet);
    expect(mails()).toEqual([]);
    expect(await notices(outlet)).toMatchObject([{ state: 'dropped', error: why }]);
    expect(await events(outlet)).toHaveLength(1);
  });
});

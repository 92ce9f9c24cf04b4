import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { environmentOf, until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** Each after the one before it. */
function inOrder(text: string, parts: readonly string[]): void {
  let from = 0;
  for (const part of parts) {
    const place = text.indexOf(part, from);
    expect(place, `${part}\n${text}`).toBeGreaterThanOrEqual(0);
    from = place + part.length;
  }
}

describe('why', () => {
  let it: Pipeline;
  let run: Terminal;

  beforeAll(async () => {
    const env = { RECONCILE_INTERVAL_MS: '200', RECONCILE_LOOKS: '2' };
    it = await openPipeline('postgres', { env });
    const { databaseUrl, meta } = it;
    run = openTerminal(environmentOf({ backend: 'postgres', databaseUrl, metaUrl: meta.url, env }));
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());

  const loseReveals = (outlet: Outlet, fault: object) => {
    const match = { page_id: outlet.page.id, method: 'POST', has_param: 'is_published' };
    return it.meta.control('POST', 'faults', { match, kind: 'reset', ...fault });
  };

  test('tells of a lost answer from approval to what the look found, in order', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'reset', when: 'after' });
    const id = await it.post(outlet, { message: 'where is it?', publishMode: 'draft' });
    await it.reaches(id, 'drafted');
    const { stdout, code } = await run(['why', id]);
    expect(code).toBe(0);
    const order = [
      'created as approved (version 1)',
      'approved → queued',
      'committed as sent: the one visible call may go out',
      `/${outlet.page.id}/feed (publishes) no answer`,
      'publishing → unknown',
      'looked at the whole account: found',
      'unknown → drafted',
      'What comes next',
      'It is read back on the network',
    ];
    inOrder(stdout, order);
    expect(stdout).toMatch(/ \+\d+(\.\d)? (ms|s) {2}/);
    expect(stdout).not.toContain(outlet.page.token);
  });

  test('tells of a post that was hidden, shown without an answer, and read by its id', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await loseReveals(outlet, { when: 'before', times: 2 });
    const id = await it.post(outlet, { message: 'shown?', publishMode: 'publish' });
    const { external_id: externalId } = await it.reaches(id, 'published');
    const { stdout } = await run(['why', id]);
    inOrder(stdout, [
      `/${outlet.page.id}/feed (stages) answered 200`,
      `made it hidden on the network as ${externalId}`,
      'committed as sent: the hidden post is to be shown, by a call that may be repeated',
      `/${externalId} (reveals) no answer`,
      `/${externalId} (reveals, once more) no answer`,
      'publishing → unknown',
      'It is read by its id, and is shown by the same call again if it is still hidden.',
      `read the hidden post by its id: ${externalId}: it is not public; it was shown by a repeated call`,
      `is confirmed: ${externalId}, it is shown`,
      'What comes next',
    ]);
    expect(await it.meta.effects('post', outlet.page.id)).toHaveLength(1);
  });

  test('says that a post is ready before its time, and when it is shown', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const scheduledAt = new Date(Date.now() + 100_000);
    const id = await it.post(outlet, { scheduledAt, publishMode: 'publish' });
    await until('it is ready', async () => (await it.attempts(id))[0]?.state === 'prepared');
    await it.waitsFor(id, 'due_time');
    const { stdout } = await run(['why', id]);
    expect(stdout).toMatch(/made ready {3}\d{4}-/);
    expect(stdout).toMatch(
      /It is ready: hidden on the network since .* as \S+, and shown by one call at .* \(in .*\)/,
    );
    const told = (await run(['why', id, '--json'])).read(
      z.looseObject({
        post: z.looseObject({ prepared_at: z.iso.datetime() }),
        events: z.array(z.looseObject({ data: z.record(z.string(), z.unknown()) })),
      }),
    );
    const preparedAt = z.coerce.date().parse(told.events.at(-1)?.data['prepared_at']);
    expect(preparedAt.toISOString()).toBe(told.post.prepared_at);
    expect((await run(['post', 'show', id])).stdout).toContain('made ready');
  });

  test('says what is left hidden by a lost answer, and what becomes of it', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.fault(outlet, 'feed', { kind: 'reset', when: 'after' });
    const id = await it.post(outlet, { message: 'made twice, shown once', publishMode: 'publish' });
    await it.reaches(id, 'published');
    const { stdout } = await run(['why', id]);
    expect(stdout).toContain(
      'Left of attempt 1: a hidden post, should a lost answer have made one: it is looked for, and deleted.',
    );
  });

  test('says of a post that comes later when it is made ready', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const scheduledAt = new Date(Date.now() + 3_600_000);
    const id = await it.post(outlet, { scheduledAt, publishMode: 'publish' });
    await it.waitsFor(id, 'due_time');
    expect((await run(['why', id])).stdout).toMatch(
      /Planned as publish: it is made ready, hidden, at .* \(in 58 min\), and shown at .* \(in 60 min\)/,
    );
  });

  test('names the command that retries what nothing else will', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const scheduledAt = new Date(Date.now() - 86_400_000);
    const id = await it.post(outlet, { scheduledAt, publishMode: 'publish' });
    await it.reaches(id, 'missed');
    expect((await run(['why', id])).stdout).toContain(`npm run cli -- retry ${id}`);
  });

  test('says what a post waits for, and what stands in its way', async () => {
    const outlet = await it.outlet();
    const scheduledAt = new Date(Date.now() + 100 * 86_400_000);
    const id = await it.post(outlet, { scheduledAt });
    await it.waitsFor(id, 'window');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'needs_reconnect', name = 'Café' WHERE id = $1`,
      values: [outlet.integrationId],
    });
    const { stdout } = await run(['why', id]);
    expect(stdout).toMatch(/Planned as schedule: its turn comes at .* \(in 25 d\)/);
    const { name } = (await run(['tenant', 'show', outlet.tenantId, '--json'])).read(
      z.looseObject({ name: z.string() }),
    );
    expect(stdout).toContain(
      `Its account Café (facebook ${outlet.page.id}) needs a new access token: \`npm run cli -- integration add --account ${outlet.page.id} --tenant '${name}'\`.`,
    );
    const shown = await run(['integration', 'show', outlet.integrationId]);
    expect(shown.stdout).toContain(
      `npm run cli -- integration add --account ${outlet.page.id} --tenant '${name}'`,
    );
  });

  test('does not promise its turn to a post that is due and paused', async () => {
    const outlet = await it.outlet();
    await run(['pause', 'add', 'integration', outlet.integrationId, '--reason', 'moving house']);
    const id = await it.post(outlet, { message: 'held' });
    await it.waitsFor(id, 'paused');
    const { stdout } = await run(['why', id]);
    expect(stdout).not.toContain('its turn comes');
    expect(stdout).toContain('It is due, to go out as a draft, and waits for this:');
    expect(stdout).toContain(
      'It is PAUSED (integration: moving house): `npm run cli -- pause list`.',
    );
  });

  test('names who must act in words', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'error', code: 190, subcode: 460, http_status: 401 });
    const id = await it.post(outlet, { message: 'dead token' });
    await it.waitsFor(id, 'integration');
    const { stdout } = await run(['why', id]);
    expect(stdout).toContain("next step    the tenant's administrator: Reconnect the account.");
    expect(stdout).toContain('needs a new access token');
    expect(stdout).not.toMatch(/tenant_admin|needs_reconnect/);
    expect(stdout).not.toContain('its turn comes');
  });

  test('gives scripts the same as JSON', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { message: 'a draft' });
    await it.reaches(id, 'drafted');
    const told = (await run(['why', id, '--json'])).read(
      z.looseObject({
        post: z.looseObject({ status: z.string() }),
        story: z.array(z.object({ at: z.string(), what: z.string(), text: z.string() })),
        outlook: z.array(z.string()),
      }),
    );
    expect(told.post.status).toBe('drafted');
    expect(told.story.map(({ what }) => what)).toContain('call');
    expect(told.outlook).toHaveLength(1);
  });
});

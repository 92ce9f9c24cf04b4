import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { environmentOf } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { openTerminal, type Terminal } from './terminal.ts';

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

  test('tells of a lost answer from approval to what the look found, in order', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.fault(outlet, 'feed', { kind: 'reset', when: 'after' });
    const id = await it.post(outlet, { message: 'where is it?', publishMode: 'publish' });
    await it.reaches(id, 'published');
    const { stdout, code } = await run(['why', id]);
    expect(code).toBe(0);
    const order = [
      'created as approved (version 1)',
      'approved → queued',
      'committed as sent: the one visible call may go out',
      `/${outlet.page.id}/feed (publishes) no answer`,
      'publishing → unknown',
      'looked at the whole account: found',
      'unknown → published',
      'What comes next',
      'It is read back at the network',
    ];
    const places = order.map((text) => stdout.indexOf(text));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(stdout).toMatch(/ \+\d+(\.\d)? (ms|s) {2}/);
    expect(stdout).not.toContain(outlet.page.token);
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
    expect(stdout).toContain(`Its account Café (facebook ${outlet.page.id}) is needs_reconnect.`);
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

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

/** Where a draft would show, or would be if a person published it meanwhile. */
const look = ['GET promotable_posts', 'GET published_posts'];
/** The app that the sandbox's tokens belong to unless it is said. */
const ourApp = '1010101010101010';

const rejections = [
  { code: 100, status: 'failed', errorClass: 'invalid', integration: 'active', waits: null },
  { code: 506, status: 'failed', errorClass: 'duplicate', integration: 'active', waits: null },
  {
    code: 80001,
    status: 'approved',
    errorClass: 'rate_limited',
    integration: 'active',
    waits: 'meta_limit',
  },
  {
    code: 190,
    status: 'approved',
    errorClass: 'reauth',
    integration: 'needs_reconnect',
    waits: 'integration',
  },
  {
    code: 200,
    status: 'approved',
    errorClass: 'permission',
    integration: 'needs_permission',
    waits: 'integration',
  },
  {
    code: 368,
    status: 'approved',
    errorClass: 'blocked',
    integration: 'blocked',
    waits: 'integration',
  },
];

// Invariant 2: no attempt follows one that reached `sent` without a complete look.
describe.each(queueBackends())('after a rejection over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());

  const refuse = (outlet: Outlet, code: number) =>
    it.fault(outlet, 'feed', { kind: 'error', code, http_status: 400 });
  const retry = async (id: string) => {
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'approved' WHERE id = $1`,
      values: [id],
    });
  };
  const heal = async (outlet: Outlet) => {
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'active', error = NULL WHERE id = $1`,
      values: [outlet.integrationId],
    });
    await it.timePasses(outlet);
  };
  const rejected = async (message: string) => {
    const outlet = await it.outlet();
    await refuse(outlet, 506);
    const id = await it.post(outlet, { message });
    await it.reaches(id, 'failed');
    return { outlet, id };
  };

  test.each(rejections)(
    'code $code leaves the post $status, and the next attempt looks at the page first',
    async ({ code, status, errorClass, integration, waits }) => {
      const outlet = await it.outlet();
      await refuse(outlet, code);
      const id = await it.post(outlet, { message: `code ${code}` });
      const row = waits === null ? await it.reaches(id, status) : await it.waitsFor(id, waits);
      expect(row).toMatchObject({ status, error: { class: errorClass }, attention: null });
      const [attempt] = await it.attempts(id);
      expect(attempt).toMatchObject({ state: 'rejected', error: row.error, reserved: 0 });
      const [owner] = await it.fleet.db.query<{ status: string }>({
        text: 'SELECT status FROM social_publisher.integrations WHERE id = $1',
        values: [outlet.integrationId],
      });
      expect(owner?.status).toBe(integration);
      expect(await it.calls(outlet)).toEqual(['POST feed']);

      if (status === 'failed') await retry(id);
      else await heal(outlet);
      await it.reaches(id, 'drafted');
      expect(await it.calls(outlet)).toEqual(['POST feed', ...look, 'POST feed']);
      expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
      expect(await it.row(id)).toMatchObject({ error: null, waiting: null });
    },
  );

  test('a look that finds such a post asks a person, shows it, and sends nothing', async () => {
    const { outlet, id } = await rejected('found again');
    const found = z.object({ id: z.string() }).parse(
      await it.meta.control('POST', `pages/${outlet.page.id}/posts`, {
        message: 'found again',
        published: false,
        app_id: ourApp,
      }),
    );
    await retry(id);
    const row = await it.reaches(id, 'unknown');
    expect(row.attention).toMatchObject({
      reason: 'found_earlier_attempt',
      who: 'author',
      evidence: [{ external_id: found.id }],
      choices: ['resolve_live', 'resolve_absent'],
    });
    expect(await it.calls(outlet)).toEqual(['POST feed', ...look]);
    // What was rejected, it was thought, is in doubt again: until a person answers, no other can be opened.
    expect(await it.attempts(id)).toMatchObject([{ state: 'unknown' }, { state: 'abandoned' }]);
  });

  test('what a person posts with the same words is not taken for it', async () => {
    const { outlet, id } = await rejected('said by others too');
    const message = 'said by others too';
    await it.meta.control('POST', `pages/${outlet.page.id}/posts`, { message });
    await retry(id);
    await it.reaches(id, 'drafted');
    expect(await it.calls(outlet)).toEqual(['POST feed', ...look, 'POST feed']);
  });

  test.each(['promotable_posts', 'published_posts'])(
    'a look whose reading of %s fails proves nothing: the post waits, and costs no try',
    async (edge) => {
      const { outlet, id } = await rejected(`half a look at ${edge}`);
      const match = { page_id: outlet.page.id, edge, method: 'GET' };
      await it.meta.control('POST', 'faults', { match, kind: 'code_2' });
      await retry(id);
      await it.waitsFor(id, 'reconcile');
      expect(await it.row(id)).toMatchObject({ status: 'approved', tries: 0 });
      expect(await it.calls(outlet)).toEqual(['POST feed', ...look]);
      await it.timePasses(outlet);
      await it.reaches(id, 'drafted');
      expect(await it.calls(outlet)).toEqual(['POST feed', ...look, ...look, 'POST feed']);
      expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
    },
  );

  test('an edited post looks too before its new content goes out', async () => {
    const { outlet, id } = await rejected('first wording');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET message = 'second wording', status = 'approved'
             WHERE id = $1`,
      values: [id],
    });
    await it.reaches(id, 'drafted');
    expect(await it.calls(outlet)).toEqual(['POST feed', ...look, 'POST feed']);
    expect(await it.meta.posts(outlet.page.id)).toMatchObject([{ message: 'second wording' }]);
  });

  test('nothing is looked for where nothing was ever sent', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { media: [{ type: 'image', url: it.meta.tornImage }] });
    await it.reaches(id, 'failed');
    await retry(id);
    await it.reaches(id, 'failed');
    expect(new Set(await it.calls(outlet))).toEqual(new Set(['POST photos']));
  });
});

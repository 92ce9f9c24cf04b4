import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

// Invariant 2, in time: who owns an attempt until when, and what makes it durable.
// No queue has a part in it.
describe.each(queueBackends().slice(-1))('the time of an attempt over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());

  const feeds = async (outlet: Outlet) =>
    (await it.calls(outlet)).filter((call) => call === 'POST feed').length;
  const photo = () => [{ type: 'image', url: it.meta.image(3) }];

  test('belongs to its worker until five seconds and the deadline after sent', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet);
    await it.reaches(id, 'drafted');
    const [attempt] = await it.attempts(id);
    const ownedMs = (attempt?.owned_until?.getTime() ?? 0) - (attempt?.sent_at?.getTime() ?? 0);
    expect(ownedMs).toBeGreaterThanOrEqual(5_000 + 5_000);
    expect(ownedMs).toBeLessThan(11_000);
  });

  test('an answer that comes after a sweeper called it unknown still confirms', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'delay', when: 'after', delay_ms: 800 });
    const id = await it.post(outlet, { message: 'slow answer' });
    await until('called', async () => (await feeds(outlet)) === 1);
    await it.sweep();
    expect(await it.row(id)).toMatchObject({ status: 'publishing' });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET owned_until = now() WHERE post_id = $1`,
      values: [id],
    });
    await it.sweep();
    expect(await it.row(id)).toMatchObject({
      status: 'unknown',
      attention: null,
      waiting: { reason: 'reconcile' },
      error: { class: 'unknown_outcome' },
    });
    const row = await it.reaches(id, 'drafted');
    const [post] = await it.meta.posts(outlet.page.id);
    expect(row).toMatchObject({ attention: null, error: null, external_id: post?.id });
    expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed', error: null }]);
  });

  test('an answer that comes after the attempt was taken for absent still confirms', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'delay', when: 'after', delay_ms: 800 });
    const id = await it.post(outlet, { message: 'much too slow' });
    await until('called', async () => (await feeds(outlet)) === 1);
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET state = 'abandoned' WHERE post_id = $1`,
      values: [id],
    });
    await it.force(id, `status = 'approved', next_run_at = now() + interval '1 hour'`);
    const row = await it.reaches(id, 'drafted');
    const [post] = await it.meta.posts(outlet.page.id);
    expect(row).toMatchObject({ external_id: post?.id, next_run_at: null });
    expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed' }]);
  });

  test('a refusal that comes after a sweeper called it unknown is knowledge too', async () => {
    const outlet = await it.outlet();
    const refusal = { kind: 'error', code: 100, http_status: 400, delay_ms: 800 };
    await it.fault(outlet, 'feed', refusal);
    const id = await it.post(outlet, { message: 'slow refusal' });
    await until('sent', async () => (await it.attempts(id))[0]?.state === 'sent');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET owned_until = now() WHERE post_id = $1`,
      values: [id],
    });
    await it.sweep();
    expect(await it.row(id)).toMatchObject({ status: 'unknown' });
    expect(await it.reaches(id, 'failed')).toMatchObject({ error: { class: 'invalid' } });
    expect(await it.attempts(id)).toMatchObject([{ state: 'rejected' }]);
  });

  test.each(['text', 'photo'])(
    'a commit of %s that takes longer than five seconds is followed by no call',
    async (shape) => {
      const outlet = await it.outlet();
      const holder = new Client({ connectionString: it.databaseUrl });
      await holder.connect();
      const id = await it.post(outlet, {
        status: 'draft',
        media: shape === 'photo' ? photo() : [],
        message: `held ${shape}`,
      });
      if (shape === 'photo') {
        await it.fault(outlet, 'photos', { kind: 'delay', when: 'after', delay_ms: 400 });
      }
      await it.force(id, `status = 'queued', run = 1, approved_at = now()`);
      const hold = async () => {
        await holder.query('BEGIN');
        await holder.query(
          `SELECT 1 FROM social_publisher.social_posts WHERE id = '${id}' FOR UPDATE`,
        );
      };
      if (shape === 'text') await hold();
      await it.addJob(id);
      if (shape === 'photo') {
        await until('staged', async () => (await it.calls(outlet)).length === 1);
        await hold();
      }
      await until('its worker waits for the row', async () => {
        const waiting = await it.fleet.db.query({
          text: `SELECT 1 FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event IN ('transactionid', 'tuple')`,
        });
        return waiting.length > 0;
      });
      await holder.query('SELECT pg_sleep(5.1)');
      await holder.query('COMMIT');
      await holder.end();
      const row = await it.reaches(id, 'approved');
      expect(row.error).toMatchObject({ key: 'not_sent_in_time' });
      expect(await it.attempts(id)).toMatchObject([{ state: 'rejected', reserved: 0 }]);
      expect(await feeds(outlet)).toBe(0);
    },
  );

  test('sent is committed to the disk, whatever the database was told', async () => {
    const { db } = it.fleet;
    await db.query({ text: 'CREATE TABLE public.sent_with (state text, mode text)' });
    await db.query({
      text: `CREATE FUNCTION public.note_sent() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
               INSERT INTO public.sent_with VALUES (NEW.state, current_setting('synchronous_commit'));
               RETURN NEW;
             END $$`,
    });
    await db.query({
      text: `CREATE TRIGGER note_sent BEFORE INSERT OR UPDATE ON social_publisher.publish_attempts
             FOR EACH ROW EXECUTE FUNCTION public.note_sent()`,
    });
    const [database] = await db.query<{ name: string }>({
      text: 'SELECT quote_ident(current_database()) AS name',
    });
    await db.query({ text: `ALTER DATABASE ${database?.name} SET synchronous_commit = off` });
    const other = await it.another();
    await it.fleet.stop();
    await other.start('scheduler', 'publisher');
    const outlet = await it.outlet();
    const ids = [
      await it.post(outlet, { message: 'text' }),
      await it.post(outlet, { message: 'photo', media: photo() }),
    ];
    for (const id of ids) await it.reaches(id, 'drafted');
    await other.stop();
    const noted = await db.query<{ state: string; mode: string }>({
      text: 'SELECT DISTINCT state, mode FROM public.sent_with ORDER BY 1',
    });
    expect(noted).toEqual([
      { state: 'confirmed', mode: 'on' },
      { state: 'prepared', mode: 'on' },
      { state: 'sent', mode: 'on' },
    ]);
    await db.query({ text: 'DROP TRIGGER note_sent ON social_publisher.publish_attempts' });
  });
});

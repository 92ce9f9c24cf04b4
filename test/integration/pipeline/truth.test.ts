import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

// Invariant 1: the row is the truth, the queue is a cache.
describe.each(queueBackends())('jobs over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('publisher');
  });
  afterAll(() => it.close());

  const queueIsIdle = () =>
    until('the queue is idle', async () => {
      const { waiting, active } = await it.fleet.services.queues.counts('facebook');
      return waiting + active === 0;
    });

  test.each([
    'draft',
    'in_review',
    'approved',
    'publishing',
    'published',
    'scheduled',
    'drafted',
    'failed',
    'unknown',
    'missed',
    'cancelled',
  ])('a job by hand for a post that is %s does nothing', async (status) => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { status: 'draft' });
    await it.force(id, `status = '${status}', run = 1`);
    const before = await it.row(id);
    await it.addJob(id);
    await queueIsIdle();
    expect(await it.row(id)).toEqual(before);
    expect(await it.calls(outlet)).toEqual([]);
    expect(await it.attempts(id)).toEqual([]);
  });

  test('a job of a post that does not exist does nothing', async () => {
    await it.addJob('019a0000-0000-7000-8000-000000000000');
    await queueIsIdle();
    expect((await it.fleet.services.queues.counts('facebook')).failed).toBe(0);
  });

  test.each([
    ['text', false],
    ['a photo', true],
  ])('ten jobs at once of one queued post with %s publish it once', async (_name, hasPhoto) => {
    const outlet = await it.outlet();
    const media = hasPhoto ? [{ type: 'image', url: it.meta.image(1) }] : [];
    const id = await it.post(outlet, { status: 'draft', media });
    await it.force(id, `status = 'queued', run = 1, approved_at = now()`);
    await Promise.all(Array.from({ length: 10 }, () => it.addJob(id)));
    await it.reaches(id, 'drafted');
    await queueIsIdle();
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
    expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed' }]);
    const feeds = (await it.calls(outlet)).filter((call) => call === 'POST feed');
    expect(feeds).toHaveLength(1);
  });

  test('the same job id twice is one job', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { status: 'draft' });
    await it.force(id, `status = 'queued', run = 1, approved_at = now()`);
    await Promise.all([it.addJob(id, 1, `${id}-1`), it.addJob(id, 1, `${id}-1`)]);
    await it.reaches(id, 'drafted');
    await queueIsIdle();
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
  });

  test("a completed job is kept for people to look at, and stands in nobody's way", async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { status: 'draft' });
    await it.force(id, `status = 'queued', run = 1, approved_at = now()`);
    await it.addJob(id, 1, `${id}-1`);
    await it.reaches(id, 'drafted');
    const queue = it.fleet.services.queues.queue('facebook');
    await until('the job ends', async () => (await queue.getJobState(`${id}-1`)) === 'completed');
    expect(await it.fleet.services.queues.carried('facebook', [`${id}-1`])).toEqual(new Set());
    const failed = await queue.getFailed();
    expect(failed.map((job) => job.id)).not.toContain(`${id}-1`);
  });

  test('the job of a post that failed is kept, with what to do and without secrets', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { status: 'draft', message: 'refused' });
    await it.force(id, `status = 'queued', run = 1, approved_at = now()`);
    const message = `(#506) Duplicate access_token=${outlet.page.token}`;
    await it.fault(outlet, 'feed', { kind: 'error', code: 506, message });
    await it.addJob(id, 1, `${id}-1`);
    const row = await it.reaches(id, 'failed');
    const queue = it.fleet.services.queues.queue('facebook');
    await until('the job failed', async () =>
      (await queue.getFailed()).some((job) => job.id === `${id}-1`),
    );
    const job = (await queue.getFailed()).find((failed) => failed.id === `${id}-1`);
    expect(row.error).toMatchObject({ class: 'duplicate' });
    expect(job?.failedReason).toContain('duplicate');
    expect(job?.stacktrace).toEqual([]);
    expect(job?.data).toEqual({ postId: id, run: 1 });
    expect(JSON.stringify(job)).not.toContain(outlet.page.token);
  });
});

describe.each(queueBackends())('a wiped queue over %s', (backend) => {
  let it: Pipeline;
  const waitingPosts = async () => {
    const jobs = await it.fleet.services.queues.queue('facebook').getWaiting();
    return jobs.filter((job) => job.name === 'publish-post').map((job) => job.id);
  };

  beforeAll(async () => {
    it = await openPipeline(backend);
  });
  afterAll(() => it.close());

  test('loses no post: each is queued again under its next run, and published once', async () => {
    const outlet = await it.outlet();
    const wanted = Array.from({ length: 20 }, (_, index) => ({ message: `number ${index}` }));
    const ids = await it.posts(outlet, wanted);
    await it.fleet.start('scheduler');
    for (const id of ids) await it.reaches(id, 'queued');
    await until('the jobs are there', async () => (await waitingPosts()).length === 20);
    expect(new Set(await waitingPosts())).toEqual(new Set(ids.map((id) => `${id}-1`)));
    await it.wipeQueue();
    await Promise.all(ids.map((id) => it.force(id, `lease_until = now() - interval '1 second'`)));
    await it.fleet.start('publisher');
    for (const id of ids) expect(await it.reaches(id, 'drafted')).toMatchObject({ run: 2 });
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(20);
  });

  test('a post whose job is still waiting is left alone by the sweeper', async () => {
    await it.fleet.stop();
    await it.fleet.start('scheduler');
    const outlet = await it.outlet();
    const id = await it.post(outlet);
    await it.reaches(id, 'queued');
    await it.force(id, `lease_until = now() - interval '1 second'`);
    await until('the sweeper looked', async () => {
      const [swept] = await it.fleet.db.query<{ swept: boolean }>({
        text: 'SELECT lease_until > now() AS swept FROM social_publisher.social_posts WHERE id = $1',
        values: [id],
      });
      return swept?.swept === true;
    });
    await delay(50);
    expect(await it.row(id)).toMatchObject({ status: 'queued', run: 1 });
    expect(await waitingPosts()).toEqual([`${id}-1`]);
  });
});

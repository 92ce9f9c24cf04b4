import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { forgetFence } from '../../../src/fence/fence.ts';
import { defineJob, type Job } from '../../../src/jobs/job.ts';
import { startWorker } from '../../../src/queue/worker.ts';
import { createMaintenance } from '../../../src/scheduler/maintenance.ts';
import type { Services } from '../../../src/services.ts';
import { until } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

const minutesPass = (minutes: number) => vi.advanceTimersByTime(minutes * 60_000);

/** Notes its claims, and has nothing to do. */
const counting = (name: string, claimed: string[], more: Partial<Job<unknown>> = {}) =>
  defineJob<unknown, Services>({
    name,
    queue: 'background',
    payload: z.unknown(),
    due: {
      everyMs: 60_000,
      claim: async (_services, queueName) => {
        claimed.push(`${name} for ${queueName}`);
        return [];
      },
    },
    perform: async () => {},
    ...more,
  });

// What a job's definition says is all it takes: the scheduler claims for it, and a worker does it.
describe.each(queueBackends())('maintenance over %s', (backend) => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await openPipeline(backend);
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => pipeline.close());

  const rounds = (...jobs: Job<unknown>[]) => createMaintenance(pipeline.fleet.services, jobs);
  const fence = async (isClosed: boolean) => {
    const { db } = pipeline.fleet;
    await db.query({
      text: `UPDATE social_publisher.instance SET fence_reason = 'by a test',
               fenced_at = CASE WHEN $1 THEN clock_timestamp() END`,
      values: [isClosed],
    });
    forgetFence(db);
  };

  test('a nightly job with a claim of its own runs once a night, whatever the number of schedulers', async () => {
    const { db, services } = pipeline.fleet;
    const ages = () =>
      db.query({
        text: `UPDATE social_publisher.integrations SET verified_at = now() - interval '1 day'`,
      });
    const pulled: string[] = [];
    const nightly = defineJob({
      name: 'nightly',
      queue: 'background',
      payload: z.strictObject({ integrationId: z.uuid() }),
      due: {
        everyMs: 60_000,
        async claim({ db: sql }) {
          const due = await sql.query<{ id: string; at: Date }>({
            text: `UPDATE social_publisher.integrations SET verified_at = clock_timestamp()
                   WHERE verified_at <= statement_timestamp() - interval '1 day' RETURNING id, verified_at AS at`,
          });
          return due.map(({ id, at }) => ({
            id: `${id}-nightly-${at.getTime()}`,
            payload: { integrationId: id },
          }));
        },
      },
      async perform({ payload }) {
        pulled.push(payload.integrationId);
      },
    });
    const outlets = await Promise.all([pipeline.outlet(), pipeline.outlet()]);
    const ids = outlets.map(({ integrationId }) => integrationId).toSorted();
    const { queues, log: logger } = services;
    const worker = startWorker({
      queues,
      queueName: 'background',
      definitions: [nightly],
      services,
      concurrency: 4,
      logger,
    });

    vi.useFakeTimers({ toFake: ['performance'] });
    const schedulers = [rounds(nightly), rounds(nightly)];
    const claim = () => Promise.all(schedulers.map((round) => round()));
    await ages();
    await claim();
    await until('both are pulled', async () => pulled.length === 2);
    await ages();
    await claim();
    expect(pulled.toSorted()).toEqual(ids);
    minutesPass(1);
    await claim();
    await until('both are pulled again', async () => pulled.length === 4);
    minutesPass(1);
    await claim();
    await worker.close({ deadlineMs: 1_000 });
    expect(pulled.toSorted()).toEqual([...ids, ...ids].toSorted());
  });

  test('claims for every queue of a job, each at its own interval', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const claimed: string[] = [];
    const everywhere = counting('everywhere', claimed, { queue: 'every' });
    const atProvider = counting('at-provider', claimed, { queue: 'provider' });
    const { due: _due, ...unasked } = counting('unasked', claimed);
    const round = rounds(everywhere, atProvider, unasked);
    await round();
    const once = [
      'everywhere for facebook',
      'everywhere for background',
      'at-provider for facebook',
    ];
    expect(claimed).toEqual(once);
    minutesPass(0.9);
    await round();
    expect(claimed).toEqual(once);
    minutesPass(0.1);
    await round();
    expect(claimed).toEqual([...once, ...once]);
  });

  test('a claim that fails keeps no other from being made, and is told', async () => {
    const claimed: string[] = [];
    const due = { everyMs: 1, claim: () => Promise.reject(new Error('no such table')) };
    const round = rounds(counting('broken', claimed, { due }), counting('next', claimed));
    await expect(round()).rejects.toThrow('no such table');
    expect(claimed).toEqual(['next for background']);
  });

  test('while the fleet is fenced, only jobs that say so are claimed and done', async () => {
    const claimed: string[] = [];
    const done: string[] = [];
    const noting = (name: string, more: Partial<Job<unknown>> = {}) =>
      counting(name, claimed, { ...more, perform: async () => void done.push(name) });
    const jobs = [noting('held'), noting('free', { whileFenced: true })];
    const running = {
      id: 'by-hand',
      payload: {},
      signal: AbortSignal.abort(),
      logger: pipeline.fleet.services.log,
    };
    const round = rounds(...jobs);
    const everything = async () => {
      await round();
      for (const job of jobs) await job.perform(running, pipeline.fleet.services);
    };
    await fence(true);
    await everything();
    expect({ claimed, done }).toEqual({ claimed: ['free for background'], done: ['free'] });
    await fence(false);
    await everything();
    expect(claimed).toContain('held for background');
    expect(done).toEqual(['free', 'held', 'free']);
  });
});

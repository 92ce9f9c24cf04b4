import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { JobDefinition, RunningJob } from '../../../src/queue/contract.ts';
import { openQueues, prepareQueueBackend, type Queues } from '../../../src/queue/queues.ts';
import { startWorker } from '../../../src/queue/worker.ts';
import { queueBackends } from '../../support/redis.ts';
import { openTestBackend, type TestBackend } from './backends.ts';

type Note = RunningJob<{ text: string }>;
interface Notebook {
  write(job: Note): Promise<void> | void;
}

const note: JobDefinition<{ text: string }, Notebook> = {
  name: 'note',
  payload: z.object({ text: z.string() }),
  perform: async (job, notebook) => {
    await notebook.write(job);
  },
};

const silent = pino({ level: 'silent' });
const untilTold = (job: Note) =>
  new Promise<void>((_resolve, reject) => {
    job.signal.addEventListener('abort', () => reject(new Error('told to stop')));
  });
const forever = () => new Promise<void>(() => {});
const eventually = <T>(check: () => T | Promise<T>, timeout = 30_000) =>
  vi.waitFor(check, { timeout, interval: 10 });

describe.each(queueBackends())('the queue on %s', (kind) => {
  let place: TestBackend;
  let queues: Queues;
  let closers: (() => Promise<unknown>)[];

  beforeAll(async () => {
    place = await openTestBackend(kind);
  });
  beforeEach(async () => {
    closers = [];
    queues = openHere(silent);
    await queues.ping();
  });
  afterEach(async () => {
    await place.proxy.restore();
    for (const close of closers.toReversed()) await close();
    await place.wipe();
  });
  afterAll(async () => {
    await place.drop();
  });

  function openHere(logger: Logger): Queues {
    const opened = openQueues({ backend: place.backend, names: ['posts'], logger });
    closers.push(() => opened.close());
    return opened;
  }

  function work(
    write: Notebook['write'],
    options: Partial<Parameters<typeof startWorker>[0]> = {},
  ) {
    const worker = startWorker({
      queues,
      queueName: 'posts',
      definitions: [note],
      services: { write },
      concurrency: 10,
      logger: silent,
      ...options,
    });
    closers.push(() => worker.close({ deadlineMs: 0 }));
    return worker;
  }
  const add = (...ids: string[]) =>
    queues.add(
      'posts',
      note,
      ids.map((id) => ({ id, payload: { text: `for ${id}` } })),
    );

  test('performs an added job once, with its id and payload', async () => {
    const seen: [string, string][] = [];
    work((job) => {
      seen.push([job.id, job.payload.text]);
    });
    await add('a-1');
    await eventually(() => expect(seen).toEqual([['a-1', 'for a-1']]));
    await eventually(async () => {
      expect(await queues.counts('posts')).toEqual({
        waiting: 0,
        active: 0,
        delayed: 0,
        failed: 0,
      });
    });
    expect(seen).toHaveLength(1);
  });

  test('performs each of 1,000 jobs added at once exactly once', async () => {
    const seen: string[] = [];
    const ids = Array.from({ length: 1000 }, (_, n) => `post${n}-1`);
    await add(...ids);
    expect(await queues.counts('posts')).toMatchObject({ waiting: 1000 });
    work((job) => {
      seen.push(job.id);
    });
    await eventually(async () => {
      expect(await queues.counts('posts')).toMatchObject({ waiting: 0, active: 0 });
    });
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  test('starts a job added to an idle worker at once', async () => {
    const startedAt: number[] = [];
    work(() => {
      startedAt.push(performance.now());
    });
    await add('first-1');
    await eventually(() => expect(startedAt).toHaveLength(1));
    const waits: number[] = [];
    for (const n of [1, 2, 3, 4, 5]) {
      const addedAt = performance.now();
      await add(`next${n}-1`);
      await eventually(() => expect(startedAt).toHaveLength(n + 1));
      waits.push((startedAt[n] ?? Number.NaN) - addedAt);
    }
    // One that asks from time to time is late for each of them, a busy machine for some.
    expect(Math.min(...waits)).toBeLessThan(200);
  });

  test('knows which ids a job carries that is not finished', async () => {
    work(
      (job) => {
        if (job.id === 'failed-1') throw new Error('refused');
        return job.id === 'active-1' ? forever() : undefined;
      },
      { concurrency: 3 },
    );
    await add('failed-1', 'completed-1', 'active-1');
    await eventually(async () => {
      expect(await queues.counts('posts')).toMatchObject({ active: 1, failed: 1, waiting: 0 });
    });
    const queue = queues.queue('posts');
    await queue.pause();
    await add('paused-1');
    await queue.add('note', { text: '' }, { jobId: 'delayed-1', delay: 60_000 });
    await queue.add('note', { text: '' }, { jobId: 'prioritized-1', priority: 5 });
    const ids = ['failed', 'completed', 'active', 'paused', 'delayed', 'prioritized', 'unheard-of'];
    const carried = await queues.carried(
      'posts',
      ids.map((id) => `${id}-1`),
    );
    expect([...carried].toSorted()).toEqual(['active-1', 'delayed-1', 'paused-1', 'prioritized-1']);
    expect(await queues.carried('posts', [])).toEqual(new Set());
    await queue.resume();
  });

  test('removes a job also where the backend was away when the queues were opened', async () => {
    await place.proxy.cut();
    queues = openHere(silent);
    await expect(queues.ping()).rejects.toThrow('cannot be reached');
    await place.proxy.restore();
    await eventually(() => queues.ping());
    await add('removed-1');
    const job = await queues.queue('posts').getJob('removed-1');
    await job?.remove();
    expect(await queues.counts('posts')).toMatchObject({ waiting: 0 });
  });

  test('keeps a failed job with its message, and a completed one for an hour', async () => {
    work((job) => {
      if (job.id === 'bad-1') throw new Error('the Page said no');
    });
    await add('bad-1', 'good-1');
    await eventually(async () => {
      expect(await queues.counts('posts')).toEqual({
        waiting: 0,
        active: 0,
        delayed: 0,
        failed: 1,
      });
    });
    expect((await queues.queue('posts').getJob('bad-1'))?.failedReason).toBe('the Page said no');
    expect(await queues.queue('posts').getJobState('good-1')).toBe('completed');
    await place.endLongAgo('posts', 'good-1');
    await add('good-2');
    await eventually(async () => {
      expect(await queues.queue('posts').getJobState('good-2')).toBe('completed');
    });
    expect(await queues.queue('posts').getJob('good-1')).toBeUndefined();
    expect(await queues.queue('posts').getJobState('bad-1')).toBe('failed');
  });

  test('removes a completed job at once where its kind says so', async () => {
    const seen: string[] = [];
    work((job) => {
      seen.push(job.id);
    });
    const bird = { ...note, removeOnComplete: true } as const;
    await queues.add('posts', bird, [{ id: 'bird-1', payload: { text: '' } }]);
    await eventually(() => expect(seen).toEqual(['bird-1']));
    await eventually(async () => {
      expect(await queues.queue('posts').getJob('bird-1')).toBeUndefined();
    });
  });

  test.runIf(kind === 'redis')(
    'keeps 5,000 completed jobs at most where they take memory',
    async () => {
      work(() => undefined, { concurrency: 100 });
      await add(...Array.from({ length: 5_100 }, (_, n) => `many${n}-1`));
      await eventually(async () => {
        expect(await queues.counts('posts')).toMatchObject({ waiting: 0, active: 0 });
      });
      expect(await queues.queue('posts').getCompletedCount()).toBe(5_000);
    },
  );

  test('never repeats a job because it failed', async () => {
    let calls = 0;
    work(() => {
      calls += 1;
      throw new Error('no');
    });
    await add('bad-1');
    await eventually(async () => {
      expect(await queues.counts('posts')).toMatchObject({ failed: 1, waiting: 0, delayed: 0 });
    });
    expect(calls).toBe(1);
  });

  test('fails a job whose payload does not parse, and says what is wrong with it', async () => {
    const seen: string[] = [];
    work((job) => {
      seen.push(job.id);
    });
    await queues.queue('posts').add('note', { text: 7 }, { jobId: 'odd-1' });
    await queues.queue('posts').add('unheard-of', {}, { jobId: 'odd-2' });
    await eventually(async () => {
      expect(await queues.counts('posts')).toMatchObject({ failed: 2 });
    });
    const first = await queues.queue('posts').getJob('odd-1');
    expect(first?.failedReason).toMatch(/payload of a note job is not valid.*expected string/s);
    const second = await queues.queue('posts').getJob('odd-2');
    expect(second?.failedReason).toBe('No code here performs jobs named unheard-of');
    expect(seen).toEqual([]);
  });

  test('ignores in silence an id that a waiting or a failed job has, as BullMQ does', async () => {
    const seen: string[] = [];
    await add('twice-1');
    await add('twice-1');
    expect(await queues.counts('posts')).toMatchObject({ waiting: 1 });
    work((job) => {
      seen.push(job.id);
      throw new Error('no');
    });
    await eventually(async () => {
      expect(await queues.counts('posts')).toMatchObject({ failed: 1 });
    });
    await add('twice-1', 'twice-2');
    await eventually(async () => {
      expect(await queues.counts('posts')).toMatchObject({ failed: 2, waiting: 0 });
    });
    expect(seen).toEqual(['twice-1', 'twice-2']);
  });

  test('refuses an id with a colon', async () => {
    await expect(add('a:1')).rejects.toThrow(/colon|:/);
  });

  test('runs the job of a killed worker again', async () => {
    await add('orphan-1');
    const script = fileURLToPath(new URL('killed-worker.ts', import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify(place.backend)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await queues.counts('posts')).toMatchObject({ active: 1, waiting: 0 });
    const seen: string[] = [];
    work((job) => void seen.push(job.id), { lockDurationMs: 400, stalledIntervalMs: 200 });
    await eventually(() => expect(seen).toEqual(['orphan-1']));
  });

  test('finishes the job under way when it closes, and claims no other', async () => {
    const ended: string[] = [];
    const { promise: let1End, resolve: end } = Promise.withResolvers<void>();
    const worker = work(async (job) => {
      await let1End;
      ended.push(job.id);
    });
    await add('first-1');
    await eventually(() => expect(worker.running).toBe(1));
    const closed = worker.close({ deadlineMs: 5000 });
    await add('second-1');
    end();
    await closed;
    expect(ended).toEqual(['first-1']);
    expect(await queues.counts('posts')).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 });
  });

  test('hands back what is not finished by the deadline, for another worker to do', async () => {
    const first = work((job) => (job.id === 'obedient-1' ? untilTold(job) : forever()));
    await add('obedient-1', 'deaf-1');
    await eventually(() => expect(first.running).toBe(2));
    await first.close({ deadlineMs: 50 });
    expect(await queues.counts('posts')).toEqual({ waiting: 2, active: 0, delayed: 0, failed: 0 });
    const seen: string[] = [];
    work((job) => void seen.push(job.id));
    await eventually(() => expect(seen.toSorted()).toEqual(['deaf-1', 'obedient-1']));
  });

  test('refuses jobs within two seconds while it is away, and goes on by itself when it is back', async () => {
    const lines: string[] = [];
    const logger = pino({}, { write: (line) => void lines.push(messageOf(line)) });
    queues = openHere(logger);
    const seen: string[] = [];
    work((job) => void seen.push(job.id), { queues });
    await add('before-1');
    await eventually(() => expect(seen).toEqual(['before-1']));

    await place.proxy.cut();
    await expectUnavailable(() => add('lost-1'));
    await expectUnavailable(() => queues.ping());
    await expectUnavailable(() => queues.carried('posts', ['before-1']));
    await eventually(() => expect(lines).toEqual(['queue is away; jobs wait until it is back']));

    await place.proxy.restore();
    await eventually(() => queues.ping());
    await add('after-1');
    await eventually(() => expect(seen).toEqual(['before-1', 'after-1']));
    await eventually(() =>
      expect(lines).toEqual(['queue is away; jobs wait until it is back', 'queue is back']),
    );
  });

  test('refuses jobs within two seconds while the network swallows everything, and replaces dead connections', async () => {
    await queues.ping();
    place.proxy.freeze();
    await expectUnavailable(() => add('lost-1'));
    await eventually(() => add('found-1'));
    expect(await queues.counts('posts')).toMatchObject({ waiting: 1 });
  });

  test('starts while the backend is away and works when it has come', async () => {
    await place.proxy.cut();
    queues = openHere(silent);
    const seen: string[] = [];
    work((job) => void seen.push(job.id), { queues });
    await expectUnavailable(() => add('early-1'));
    await place.proxy.restore();
    await eventually(() => add('late-1'));
    await eventually(() => expect(seen).toEqual(['late-1']));
  });

  test('goes on with new jobs after everything was wiped under its workers', async () => {
    const seen: string[] = [];
    const { promise: letGo, resolve: go } = Promise.withResolvers<void>();
    const worker = work(async (job) => {
      seen.push(job.id);
      if (job.id === 'held-1') await letGo;
    });
    await add('held-1');
    await eventually(() => expect(worker.running).toBe(1));
    await place.wipe();
    await add('new-1');
    await eventually(() => expect(seen).toEqual(['held-1', 'new-1']));
    go();
    await eventually(() => expect(worker.running).toBe(0));
    await add('held-1');
    await eventually(() => expect(seen).toEqual(['held-1', 'new-1', 'held-1']));
  });

  test('can be prepared by several processes at once and again', async () => {
    await Promise.all([1, 2, 3].map(() => prepareQueueBackend(place.backend)));
    await add('kept-1');
    await prepareQueueBackend(place.backend);
    expect(await queues.counts('posts')).toMatchObject({ waiting: 1 });
  });
});

function messageOf(line: string): string {
  return z.object({ msg: z.string() }).parse(JSON.parse(line)).msg;
}

async function expectUnavailable(call: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await expect(call()).rejects.toMatchObject({ code: 'queue_unavailable' });
  expect(performance.now() - startedAt).toBeLessThan(2500);
}

import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../../src/jobs/job.ts';
import type { Queues } from '../../../src/queue/queues.ts';
import type { Services } from '../../../src/services.ts';

interface TimedServices extends Services {
  readonly clock: () => number;
}

const publish = defineJob({
  name: 'publish',
  queue: 'provider',
  payload: z.object({ postId: z.string() }),
  perform: async (job, services: TimedServices) => {
    expectTypeOf(job.payload).toEqualTypeOf<{ postId: string }>();
    expectTypeOf(services.clock).returns.toBeNumber();
  },
});

const addings = (queues: Queues) => [
  queues.add('posts', publish, [{ id: 'a-1', payload: { postId: 'a' } }]),
  // @ts-expect-error -- the payload wants postId
  queues.add('posts', publish, [{ id: 'a-1', payload: { post: 'a' } }]),
  // @ts-expect-error -- and it is text
  queues.add('posts', publish, [{ id: 'a-1', payload: { postId: 7 } }]),
];

test('a payload that is not the one of the job does not compile', () => {
  expectTypeOf(addings).returns.toEqualTypeOf<Promise<void>[]>();
});

const rest = { name: 'pull', payload: z.object({ day: z.string() }), perform: async () => {} };
const weekly = async () => [{ id: 'a', payload: { week: '1' } }];
const definitions = () => [
  // @ts-expect-error -- the payload has a day
  defineJob({ ...rest, queue: 'background', due: { everyMs: 1, claim: weekly } }),
  // @ts-expect-error -- there is no such queue
  defineJob({ ...rest, queue: 'elsewhere' }),
];

test('nor does a claim of another payload, or a queue that nobody has declared', () => {
  expectTypeOf(definitions).toBeFunction();
});

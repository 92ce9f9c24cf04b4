import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../../src/queue/job.ts';
import type { Queues } from '../../../src/queue/queues.ts';

const publish = defineJob({
  name: 'publish',
  payload: z.object({ postId: z.string() }),
  perform: async (job, services: { clock: () => number }) => {
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

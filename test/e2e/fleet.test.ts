import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { until } from '../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../support/pipeline.ts';
import { queueBackends } from '../support/redis.ts';

const pageCount = 50;
const postsPerPage = 20;
const callsPerHour = 200;

const summary = z.object({
  duplicates: z.array(z.unknown()),
  pages: z.record(
    z.string(),
    z.looseObject({ posts: z.number(), calls: z.looseObject({ most_in_an_hour: z.number() }) }),
  ),
});

const inSeconds = (seconds: number) =>
  new Date(Math.ceil(Date.now() / 1000) * 1000 + seconds * 1000);

// The processes as in production, several of each, at the busiest second of a calendar.
describe.each(queueBackends())('a thousand posts in one second over %s', (backend) => {
  let it: Pipeline;
  let outlets: readonly Outlet[];

  beforeAll(async () => {
    it = await openPipeline(backend, { env: { FACEBOOK_CALLS_PER_HOUR: String(callsPerHour) } });
    const roles = ['scheduler', 'scheduler', 'publisher', 'publisher', 'publisher'] as const;
    await Promise.all(roles.map((role) => it.spawn(role)));
    outlets = await Promise.all(
      Array.from({ length: pageCount }, () => it.outlet({ autoPublish: true })),
    );
  });
  afterAll(() => it.close());

  const calendar = (round: string, scheduledAt: Date) =>
    outlets.map((outlet) =>
      it.posts(
        outlet,
        Array.from({ length: postsPerPage }, (_, n) => ({
          message: `${round} ${n}`,
          publishMode: 'publish' as const,
          scheduledAt,
          media: n % 2 === 0 ? [] : [{ type: 'image', url: it.meta.image(n) }],
        })),
      ),
    );
  /** Waits until the round is out; resolves with the latenesses, the least first. */
  const latenesses = async (round: string): Promise<readonly number[]> => {
    const read = () =>
      it.fleet.db.query<{ status: string; lateness_ms: number | null }>({
        text: `SELECT status, lateness_ms FROM social_publisher.social_posts
               WHERE message LIKE $1 ORDER BY lateness_ms`,
        values: [`${round} %`],
      });
    await until(
      `${round} is out`,
      async () => (await read()).every(({ status }) => status === 'published'),
      240_000,
    );
    return (await read()).map((row) => row.lateness_ms ?? Number.NaN);
  };

  const callsThatFailed = ({ integrationId }: Outlet) =>
    it.fleet.db.query<{ call: object }>({
      text: `SELECT call FROM social_publisher.publish_attempts a
               JOIN social_publisher.social_posts p ON p.id = a.post_id,
               jsonb_array_elements(a.calls) call
             WHERE p.integration_id <> $1 AND call ->> 'status' IS DISTINCT FROM '200'`,
      values: [integrationId],
    });

  test('all are visible, none twice, no Page over its calls, and a flood in front makes none later', {
    timeout: 600_000,
  }, async () => {
    const alone = inSeconds(3);
    await Promise.all(calendar('alone', alone));
    const quiet = await latenesses('alone');
    expect(quiet).toHaveLength(pageCount * postsPerPage);

    const flood = await it.outlet({ autoPublish: true });
    const crowded = inSeconds(6);
    await it.posts(
      flood,
      Array.from({ length: 10_000 }, (_, n) => ({
        message: `flood ${n}`,
        publishMode: 'publish' as const,
        scheduledAt: new Date(crowded.getTime() - 1_000),
      })),
    );
    await Promise.all(calendar('crowded', crowded));
    const busy = await latenesses('crowded');

    // Late for this reason would not be late for the flood's.
    expect(await callsThatFailed(flood)).toEqual([]);
    const [last, lastInCrowd] = [quiet.at(-1) ?? 0, busy.at(-1) ?? 0];
    process.stdout.write(`${backend}: last after ${last} ms, behind a flood ${lastInCrowd} ms\n`);
    expect(quiet[0]).toBeGreaterThanOrEqual(0);
    expect(lastInCrowd).toBeLessThan(last * 2 + 3_000);

    const { duplicates, pages } = summary.parse(await it.meta.control('GET', 'ledger/summary'));
    expect(duplicates).toEqual([]);
    const counts = outlets.map(({ page }) => pages[page.id]?.posts);
    expect(new Set(counts)).toEqual(new Set([2 * postsPerPage]));
    for (const page of Object.values(pages)) {
      expect(page.calls.most_in_an_hour).toBeLessThanOrEqual(callsPerHour);
    }
    const states = await it.fleet.db.query<{ state: string }>({
      text: `SELECT DISTINCT a.state FROM social_publisher.publish_attempts a
               JOIN social_publisher.social_posts p ON p.id = a.post_id WHERE p.integration_id <> $1`,
      values: [flood.integrationId],
    });
    expect(states).toEqual([{ state: 'confirmed' }]);
  });
});

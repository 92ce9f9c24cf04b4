import { createPostgresBackend, Queue, withBackend } from 'bullmq';

export const naiveQueue = 'naive';
const postgres = withBackend(createPostgresBackend);
export const naivePgWorker = postgres.Worker;

/** As tutorials have it: the whole job in the payload, the token too. */
export interface NaiveJob {
  readonly pageId: string;
  readonly token: string;
  readonly message: string;
  readonly link: string | null;
  readonly photos: readonly string[];
}

export async function addNaive(
  backend: string,
  url: string,
  jobs: readonly NaiveJob[],
): Promise<void> {
  const queue =
    backend === 'redis'
      ? new Queue<NaiveJob>(naiveQueue, { connection: { url } })
      : new postgres.Queue<NaiveJob>(naiveQueue, {
          connection: { connectionString: url, migrate: true },
        });
  const opts = { attempts: 3, backoff: { type: 'exponential', delay: 1_000 } } as const;
  for (let start = 0; start < jobs.length; start += 500) {
    const batch = jobs.slice(start, start + 500);
    await queue.addBulk(batch.map((data) => ({ name: 'publish', data, opts })));
  }
  await queue.close();
}

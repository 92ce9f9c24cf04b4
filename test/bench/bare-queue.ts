import { createPostgresBackend, Queue, withBackend } from 'bullmq';

export const bareQueue = 'bare';
const postgres = withBackend(createPostgresBackend);
const pgQueue = postgres.Queue;
export const pgWorker = postgres.Worker;

export interface BareJob {
  readonly data: { readonly message: string };
  readonly delayMs: number;
}

export async function addBare(kind: string, url: string, jobs: readonly BareJob[]): Promise<void> {
  const queue =
    kind === 'redis'
      ? new Queue(bareQueue, { connection: { url } })
      : new pgQueue(bareQueue, { connection: { connectionString: url, migrate: true } });
  for (let start = 0; start < jobs.length; start += 1000) {
    await queue.addBulk(
      jobs.slice(start, start + 1000).map(({ data, delayMs }) => ({
        name: 'call',
        data,
        opts: delayMs > 0 ? { delay: delayMs } : {},
      })),
    );
  }
  await queue.close();
}

import { create } from 'axios';
import { type Job, Worker } from 'bullmq';
import { Pool } from 'pg';
import { z } from 'zod';
import { type NaiveJob, naivePgWorker, naiveQueue } from './naive-queue.ts';

/**
 * For comparison only: the worker that one writes first. A job a post, three attempts, one axios call, and the row is
 * updated afterwards. Nothing here is careless; it is what BullMQ's own guide leads to.
 */
const [backend, queueUrl = '', databaseUrl = '', metaUrl = ''] = process.argv.slice(2);
const pool = new Pool({ connectionString: databaseUrl, max: 5 });
pool.on('error', () => undefined);
const meta = create({ baseURL: `${metaUrl}/v26.0`, timeout: 1_500 });
const answer = z.object({ id: z.string() });

async function call(job: NaiveJob, edge: string, body: object): Promise<string> {
  const headers = { authorization: `Bearer ${job.token}` };
  const { data } = await meta.post<unknown>(`/${job.pageId}/${edge}`, body, { headers });
  return answer.parse(data).id;
}

async function publish({ data }: Job<NaiveJob>): Promise<void> {
  const photos: { media_fbid: string }[] = [];
  for (const url of data.photos) {
    photos.push({ media_fbid: await call(data, 'photos', { url, published: false }) });
  }
  const id = await call(data, 'feed', {
    message: data.message,
    ...(data.link === null ? {} : { link: data.link }),
    ...(photos.length === 0 ? {} : { attached_media: photos }),
  });
  const text = `UPDATE public.naive_posts SET status = 'published', external_id = $2 WHERE message = $1`;
  await pool.query(text, [data.message, id]);
}

const worker =
  backend === 'redis'
    ? new Worker<NaiveJob>(naiveQueue, publish, {
        connection: { url: queueUrl, maxRetriesPerRequest: null },
        concurrency: 20,
        stalledInterval: 5_000,
      })
    : new naivePgWorker<NaiveJob>(naiveQueue, publish, {
        connection: { connectionString: queueUrl },
        concurrency: 20,
        stalledInterval: 5_000,
      });
worker.on('error', () => undefined);

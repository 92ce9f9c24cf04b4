import { z } from 'zod';
import { ConflictError, NotFoundError } from '../../errors.ts';
import { actOnPost } from '../../posts/author-action-store.ts';
import type { Services } from '../../services.ts';
import { findTenantOfPost } from './store.ts';

const payload = z.object({ postId: z.guid() });
const mostAtOnce = 5000;

type Job = NonNullable<Awaited<ReturnType<ReturnType<Services['queues']['queue']>['getJob']>>>;

/**
 * Retries the post of a failed job as `POST /v1/posts/{id}/retry` does: the row decides, and the scheduler enqueues a
 * job of its own. The failed job is done with then, and removed.
 */
export async function retryJob(
  services: Services,
  queueName: string,
  jobId: string,
): Promise<{ retried: number }> {
  const job = await queueNamed(services, queueName).getJob(jobId);
  if (job === undefined) throw new NotFoundError('not_found', 'There is no such job.');
  if (!(await job.isFailed())) throw new ConflictError('conflict', 'Only failed jobs are retried.');
  await retryPostOf(services, job);
  return { retried: 1 };
}

/** The same for every failed job of the queue; posts that may not be retried are skipped. */
export async function retryFailedJobs(
  services: Services,
  queueName: string,
  status: string,
): Promise<{ retried: number; skipped: number }> {
  if (status !== 'failed') throw new ConflictError('conflict', 'Only failed jobs are retried.');
  const jobs = await queueNamed(services, queueName).getJobs(['failed'], 0, mostAtOnce - 1);
  let retried = 0;
  for (const job of jobs) {
    if (await wasRetried(services, job)) retried += 1;
  }
  return { retried, skipped: jobs.length - retried };
}

async function wasRetried(services: Services, job: Job): Promise<boolean> {
  try {
    await retryPostOf(services, job);
    return true;
  } catch (error) {
    services.log.info({ err: error, jobId: job.id }, 'failed job not retried');
    return false;
  }
}

async function retryPostOf(services: Services, job: Job): Promise<void> {
  const carried = payload.safeParse(job.data);
  if (!services.providers.has(job.queueName) || !carried.success) {
    throw new ConflictError('conflict', 'Only jobs that publish a post are retried here.');
  }
  const { postId } = carried.data;
  const tenantId = await findTenantOfPost(services.db, postId);
  if (tenantId === undefined) throw new NotFoundError('not_found', 'The post is gone.');
  await actOnPost(services, tenantId, 'retry', { id: postId });
  services.log.info({ tenantId, postId, jobId: job.id }, 'post retried from the dashboard');
  await job.remove();
}

function queueNamed({ queues, providers }: Services, name: string) {
  const isOurs = providers.has(name) || name === 'background';
  if (!isOurs) throw new NotFoundError('not_found', 'There is no such queue.');
  return queues.queue(name);
}

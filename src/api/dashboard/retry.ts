import { z } from 'zod';
import { actOnPosts } from '../../authoring/action-store.ts';
import type { PostOutcome } from '../../authoring/scope.ts';
import { type AppError, ConflictError, NotFoundError } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { type BoardPost, findBoardPosts } from './store.ts';

const payload = z.object({ postId: z.guid() });
const mostAtOnce = 5000;
const postsAtOnce = 500;

type Job = NonNullable<Awaited<ReturnType<ReturnType<Services['queues']['queue']>['getJob']>>>;

/** What became of the post of one job; nothing of a refused one was changed, and its job stays. */
interface RetriedJob {
  readonly job_id: string | undefined;
  readonly post_id: string | null;
  /** `under_way`: it was on its way already, by another job. `looked_for`: it may be live, and is looked for first. */
  readonly outcome: 'approved' | 'looked_for' | 'under_way' | 'refused';
  readonly status: string | null;
  readonly reason: string | null;
}

export interface RetryAnswer {
  /** Posts that go out again through all checks, or are looked for, because of this call. */
  readonly retried: number;
  /** Jobs whose posts were refused. */
  readonly skipped: number;
  readonly results: readonly RetriedJob[];
}

interface Retry extends RetriedJob {
  readonly error: AppError | null;
}

/**
 * Retries the post of a failed job as `POST /v1/posts/{id}/retry` does: the row decides, and the scheduler enqueues a
 * job of its own. The failed job is done with then, and removed. Throws why the post may not be retried.
 */
export async function retryJob(
  services: Services,
  queueName: string,
  jobId: string,
): Promise<RetryAnswer> {
  const job = await queueNamed(services, queueName).getJob(jobId);
  if (job === undefined) throw new NotFoundError('not_found', 'There is no such job.');
  if (!(await job.isFailed())) throw new ConflictError('conflict', 'Only failed jobs are retried.');
  const retries = await retryPosts(services, [job]);
  for (const { error } of retries) if (error !== null) throw error;
  return answerOf(retries);
}

/** The same for every failed job of the queue; posts that may not be retried are skipped. */
export async function retryFailedJobs(
  services: Services,
  queueName: string,
  status: string,
): Promise<RetryAnswer> {
  if (status !== 'failed') throw new ConflictError('conflict', 'Only failed jobs are retried.');
  const jobs = await queueNamed(services, queueName).getJobs(['failed'], 0, mostAtOnce - 1);
  return answerOf(await retryPosts(services, jobs));
}

function answerOf(retries: readonly Retry[]): RetryAnswer {
  const chosen = retries.filter(
    ({ outcome }) => outcome === 'approved' || outcome === 'looked_for',
  );
  return {
    retried: new Set(chosen.map(({ post_id: postId }) => postId)).size,
    skipped: retries.filter(({ outcome }) => outcome === 'refused').length,
    results: retries.map(({ error: _error, ...told }) => told),
  };
}

async function retryPosts(services: Services, jobs: readonly Job[]): Promise<readonly Retry[]> {
  const carried = jobs.map((job) => ({ job, postId: postIdOf(services, job) }));
  const ids = new Set(carried.flatMap(({ postId }) => postId ?? []));
  const posts = await findBoardPosts(services.db, [...ids]);
  const outcomes = await retryByTenant(services, [...posts.values()]);
  const retries = carried.map(({ job, postId }) => {
    const post = postId === null ? undefined : posts.get(postId);
    return describe(job, postId, post, outcomes.get(postId ?? ''));
  });
  for (const [index, retry] of retries.entries()) await tell(services, jobs[index], retry);
  return retries;
}

function postIdOf({ publishers }: Services, job: Job): string | null {
  if (!publishers.has(job.queueName)) return null;
  return payload.safeParse(job.data).data?.postId.toLowerCase() ?? null;
}

/** By post. */
async function retryByTenant(
  services: Services,
  posts: readonly BoardPost[],
): Promise<ReadonlyMap<string, PostOutcome>> {
  const outcomes = new Map<string, PostOutcome>();
  for (const [tenantId, own] of Map.groupBy(posts, (post) => post.tenantId)) {
    for (let start = 0; start < own.length; start += postsAtOnce) {
      const items = own.slice(start, start + postsAtOnce).map(({ id }) => ({ id }));
      const done = await actOnPosts(services, tenantId, { action: 'retry', items });
      for (const [index, { id }] of items.entries()) {
        const outcome = done[index];
        if (outcome !== undefined) outcomes.set(id, outcome);
      }
    }
  }
  return outcomes;
}

function describe(
  { id }: Job,
  postId: string | null,
  post: BoardPost | undefined,
  outcome: PostOutcome | undefined,
): Retry {
  const told = { job_id: id, post_id: postId, status: post?.status ?? null };
  if (postId === null) {
    return refused(
      told,
      new ConflictError('conflict', 'Only a job that publishes a post is retried.'),
    );
  }
  if (post === undefined || outcome === undefined) {
    return refused(told, new NotFoundError('not_found', 'The post is gone.'));
  }
  if (outcome.error !== null) return refused(told, outcome.error);
  const { status } = outcome.row;
  return { ...told, outcome: meaningOf(post.status), status, reason: null, error: null };
}

function refused(told: Pick<Retry, 'job_id' | 'post_id' | 'status'>, error: AppError): Retry {
  return { ...told, outcome: 'refused', reason: error.message, error };
}

/** By the status before. */
function meaningOf(status: string): RetriedJob['outcome'] {
  if (status === 'failed' || status === 'missed') return 'approved';
  return status === 'unknown' ? 'looked_for' : 'under_way';
}

async function tell({ log }: Services, job: Job | undefined, retry: Retry): Promise<void> {
  const { job_id: jobId, post_id: postId, outcome, error } = retry;
  if (error !== null) {
    log.info({ jobId, postId, code: error.code }, `failed job not retried: ${error.message}`);
    return;
  }
  log.info({ jobId, postId, outcome }, 'post retried from the dashboard');
  try {
    await job?.remove();
  } catch (cause) {
    // The row holds what was done. Once more, the job is found to be under way, and is removed then.
    log.warn({ err: cause, jobId, postId }, 'retried, but the failed job is still in the queue');
  }
}

function queueNamed({ queues }: Services, name: string) {
  if (!queues.names.includes(name)) throw new NotFoundError('not_found', 'There is no such queue.');
  return queues.queue(name);
}

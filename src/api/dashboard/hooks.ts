import type {
  BoardHooks,
  BullBoardRequest,
  ControllerHandlerReturnType,
} from '@bull-board/api/typings/app';
import { z } from 'zod';
import type { Sql } from '../../db/client.ts';
import type { Services } from '../../services.ts';
import { tellPost } from '../../story/outlook.ts';
import { timed } from '../../story/story.ts';
import { type BoardPost, findBoardPosts } from './store.ts';

type Answer = ControllerHandlerReturnType;

const mostJobsPerPage = 100;

/** Tells with each job what its post is and what became of it, and hides what would always be empty. */
export function boardHooks(services: Services): BoardHooks {
  return {
    before: ({ request: { query } }) => {
      if (Number(query['jobsPerPage']) > mostJobsPerPage)
        query['jobsPerPage'] = String(mostJobsPerPage);
    },
    after: async ({ route, request }, answer) => {
      switch (route) {
        case '/api/queues':
          return fitListing(services, request, answer);
        case '/api/queues/:queueName/:jobId':
          return fitJob(services, answer);
        case '/api/queues/:queueName/:jobId/logs':
          return logsOf(services, request, answer);
        default:
          return answer;
      }
    },
  };
}

const jobShape = z.looseObject({ name: z.string(), data: z.unknown() });
type BoardJob = z.output<typeof jobShape>;

const listing = z.object({
  queues: z.array(
    z.looseObject({
      statuses: z.array(z.string()),
      counts: z.record(z.string(), z.number()),
      jobs: z.array(jobShape),
    }),
  ),
});

/** We never add such jobs, but somebody else may. */
const unused = new Set(['waiting-children', 'prioritized', 'delayed', 'paused']);

/**
 * Bull Board hides every button of a queue that is read-only: so is each but where its failed jobs are looked at.
 */
async function fitListing(
  services: Services,
  { query }: BullBoardRequest,
  answer: Answer,
): Promise<Answer> {
  const parsed = listing.safeParse(answer.body);
  if (!parsed.success) return answer;
  const jobs = parsed.data.queues.flatMap((queue) => queue.jobs);
  const posts = await postsOf(services, jobs);
  const queues = parsed.data.queues.map((queue) => ({
    ...queue,
    statuses: queue.statuses.filter((name) => !unused.has(name) || (queue.counts[name] ?? 0) > 0),
    jobs: queue.jobs.map((job) => tellPostOf(job, posts)),
    readOnlyMode: query['status'] !== 'failed',
    allowCompletedRetries: false,
  }));
  return { ...answer, body: { queues } };
}

const single = z.looseObject({ job: jobShape });

async function fitJob(services: Services, answer: Answer): Promise<Answer> {
  const parsed = single.safeParse(answer.body);
  if (!parsed.success) return answer;
  const { job } = parsed.data;
  const posts = await postsOf(services, [job]);
  return { ...answer, body: { ...parsed.data, job: tellPostOf(job, posts) } };
}

const carried = z.looseObject({ postId: z.guid() });

function postIdOf(data: unknown): string | undefined {
  return carried.safeParse(data).data?.postId.toLowerCase();
}

function postsOf({ db }: Services, jobs: readonly BoardJob[]) {
  return findBoardPosts(db, [...new Set(jobs.flatMap(({ data }) => postIdOf(data) ?? []))]);
}

function tellPostOf(job: BoardJob, posts: ReadonlyMap<string, BoardPost>): BoardJob {
  const post = posts.get(postIdOf(job.data) ?? '');
  if (post === undefined) return job;
  const { id, tenant, page, reference, status, externalId, publishUrl } = post;
  const what = [...new Set([reference ?? id.slice(-12), page, tenant])].join(' · ');
  return {
    ...job,
    name: `${what} · ${job.name}`,
    data: {
      post: {
        status_now: status,
        external_id: externalId,
        publish_url: publishUrl,
        reference,
        page,
        tenant,
      },
      ...carried.parse(job.data),
    },
    externalUrl: { displayText: 'Story', href: `/admin/posts/${id}` },
  };
}

/** The ledger has every call with its answer: nothing is written for the log while a post goes out. */
async function logsOf(
  { db, queues }: Services,
  { params }: BullBoardRequest,
  answer: Answer,
): Promise<Answer> {
  const { queueName, jobId } = z.object({ queueName: z.string(), jobId: z.string() }).parse(params);
  if (!Array.isArray(answer.body)) return answer;
  const job = await queues.queue(queueName).getJob(jobId);
  const postId = postIdOf(job?.data);
  if (postId === undefined) return answer;
  const post = (await findBoardPosts(db, [postId])).get(postId);
  return post === undefined ? answer : { ...answer, body: await logOfPost(db, post) };
}

const mostLines = 200;
const longestLine = 500;

/** What happened to a post, a line a moment, the newest last; without its text. */
async function logOfPost(sql: Sql, post: BoardPost): Promise<string[]> {
  const { story, outlook } = await tellPost(sql, post);
  const lines = timed(story).map(({ time, gap, what, text }) => `${time} ${gap} ${what}: ${text}`);
  const left = Math.max(0, lines.length - mostLines);
  return [
    ...(left === 0 ? [] : [`${left} earlier moments are on the post's own page.`]),
    ...lines.slice(left),
    `The post is ${post.status} now. ${outlook.join(' ')}`,
  ].map((line) => line.slice(0, longestLine));
}

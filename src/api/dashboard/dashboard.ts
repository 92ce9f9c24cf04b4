import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { maskSecrets } from '../../mask.ts';
import type { Services } from '../../services.ts';
import { toProblem } from '../errors.ts';
import { problemAnswer, problemFor, send } from '../register.ts';
import { admitOperators, guardAdapter } from './guard.ts';
import { boardHooks } from './hooks.ts';
import { fitPage, mountWords, pageHeaders, redact } from './page.ts';
import { mountPostPage } from './post-page.ts';
import { type RetryAnswer, retryFailedJobs, retryJob } from './retry.ts';

const prefix = '/admin/queues';

/**
 * Bull Board for the operator: looks at every queue and retries failed jobs, by the same path as `/retry`. Nothing else
 * of it is mounted: what adds, edits, promotes or removes jobs would pass the rows by. Beside it, a page a post.
 */
export async function registerDashboard(app: FastifyInstance, services: Services): Promise<void> {
  const server = new FastifyAdapter();
  server.setBasePath(prefix);
  const guarded = guardAdapter(server);
  createBullBoard({
    queues: services.queues.names.map((name) => boardQueue(services, name)),
    serverAdapter: guarded.adapter,
    options: {
      uiConfig: { boardTitle: 'Social Publisher', hideDocsLink: true, showMetrics: false },
      handlerHooks: boardHooks(services),
    },
  });
  await app.register(
    async (inner) => {
      admitOperators(inner, services);
      answerAwayAtOnce(inner, services);
      hideSecrets(inner);
      mountRetries(inner, services);
      mountWords(inner, guarded.staticPath);
      await inner.register(server.registerPlugin());
    },
    { prefix },
  );
  await app.register(
    async (inner) => {
      admitOperators(inner, services);
      mountPostPage(inner, services);
    },
    { prefix: '/admin/posts' },
  );
}

/** Payloads hold ids only; should one ever hold more, it is not shown. */
function boardQueue({ queues }: Services, name: string): BullMQAdapter {
  const adapter = new BullMQAdapter(queues.queue(name));
  adapter.setFormatter('data', redact);
  adapter.setFormatter('returnValue', redact);
  adapter.setFormatter('progress', redact);
  return adapter;
}

/** BullMQ would wait for a backend that is away for as long as the browser does. */
function answerAwayAtOnce(inner: FastifyInstance, services: Services): void {
  inner.addHook('preHandler', async (request, reply) => {
    if (!request.url.startsWith(`${prefix}/api/`)) return undefined;
    try {
      await services.queues.ping();
      return undefined;
    } catch (error) {
      return send(reply, problemAnswer(services, request, toProblem(error)));
    }
  });
}

/** Bull Board's own addresses for retrying, but our path. */
function mountRetries(inner: FastifyInstance, services: Services): void {
  inner.put('/api/queues/:queueName/:jobId/retry', async (request, reply) => {
    const { queueName, jobId } = jobParams.parse(request.params);
    return answerRetry(request, reply, () => retryJob(services, queueName, jobId));
  });
  inner.put('/api/queues/:queueName/retry/:queueStatus', async (request, reply) => {
    const { queueName, queueStatus } = queueParams.parse(request.params);
    return answerRetry(request, reply, () => retryFailedJobs(services, queueName, queueStatus));
  });
}

const jobParams = z.object({ queueName: z.string(), jobId: z.string() });
const queueParams = z.object({ queueName: z.string(), queueStatus: z.string() });

/** Refusals in the form that Bull Board's page shows. */
async function answerRetry(
  request: FastifyRequest,
  reply: FastifyReply,
  retry: () => Promise<RetryAnswer>,
): Promise<FastifyReply> {
  try {
    const done = await retry();
    return await reply.send(done);
  } catch (error) {
    const { status, detail } = problemFor(request, error);
    return reply.code(status).send({ error: { key: errorKeyOf(status) }, message: detail });
  }
}

function errorKeyOf(status: number): string {
  if (status === 404) return 'ERRORS.JOB_NOT_FOUND';
  return status < 500 ? 'ERRORS.JOB_NOT_RETRIABLE' : 'ERRORS.INTERNAL_SERVER_ERROR';
}

/** The last net under payloads, logs, reasons and stacks of failed jobs. */
function hideSecrets(inner: FastifyInstance): void {
  inner.addHook('onSend', async (_request, reply, payload) => {
    void reply.headers(pageHeaders);
    if (typeof payload !== 'string') return payload;
    const isPage = String(reply.getHeader('content-type')).includes('text/html');
    return isPage ? fitPage(payload) : maskSecrets(payload);
  });
}

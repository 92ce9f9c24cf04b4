import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { maskSecrets } from '../log.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';
import { isOperator } from './authentication.ts';
import { guardAdapter } from './dashboard/guard.ts';
import { fitPage, limitButtons, pageHeaders } from './dashboard/page.ts';
import { redact } from './dashboard/redact.ts';
import { retryFailedJobs, retryJob } from './dashboard/retry.ts';
import { toProblem } from './errors.ts';
import { problemOf } from './problem.ts';
import { problemAnswer, problemFor, send } from './register.ts';

const prefix = '/admin/queues';

/**
 * Bull Board for the operator: looks at every queue and retries failed jobs, by the same path as `/retry`. Nothing else
 * of it is mounted: what adds, edits, promotes or removes jobs would pass the rows by.
 */
export async function registerDashboard(app: FastifyInstance, services: Services): Promise<void> {
  const server = new FastifyAdapter();
  server.setBasePath(prefix);
  createBullBoard({
    queues: [...services.providers.keys(), backgroundQueue].map((name) =>
      boardQueue(services, name),
    ),
    serverAdapter: guardAdapter(server),
    options: {
      uiConfig: { boardTitle: 'Social Publisher', hideDocsLink: true, showMetrics: false },
    },
  });
  await app.register(
    async (inner) => {
      admitOperators(inner, services);
      hideSecrets(inner);
      mountRetries(inner, services);
      await inner.register(server.registerPlugin());
    },
    { prefix },
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

/** By HTTP basic, as browsers ask for it, or by bearer token; pictures and scripts too. */
function admitOperators(inner: FastifyInstance, services: Services): void {
  inner.addHook('onRequest', async (request, reply) => {
    if (isOperator(services.config.adminTokens, request.headers.authorization)) return undefined;
    const headers = { 'www-authenticate': 'Basic realm="Social Publisher", charset="UTF-8"' };
    const detail = 'Any user name, and the operator token as password.';
    const problem = problemOf('unauthenticated', detail, { headers });
    return send(reply, problemAnswer(services, request, problem));
  });
  // BullMQ would wait for a backend that is away for as long as the browser does.
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
  retry: () => Promise<object>,
): Promise<FastifyReply> {
  try {
    const done = await retry();
    return await reply.send(done);
  } catch (error) {
    const { status, detail } = problemFor(request, error);
    const key = status === 404 ? 'ERRORS.JOB_NOT_FOUND' : 'ERRORS.FORBIDDEN';
    return reply.code(status).send({ error: { key }, message: detail });
  }
}

/** The last net under payloads, logs, reasons and stacks of failed jobs. */
function hideSecrets(inner: FastifyInstance): void {
  inner.addHook('onSend', async (request, reply, payload) => {
    void reply.headers(pageHeaders);
    if (typeof payload !== 'string') return payload;
    const isPage = String(reply.getHeader('content-type')).includes('text/html');
    if (isPage) return fitPage(payload);
    const masked = maskSecrets(payload);
    const { pathname, searchParams } = new URL(request.url, 'http://board');
    if (pathname !== `${prefix}/api/queues` || reply.statusCode !== 200) return masked;
    return limitButtons(masked, searchParams.get('status') === 'failed');
  });
}

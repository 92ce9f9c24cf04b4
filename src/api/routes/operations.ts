import { z } from 'zod';
import { forEveryone, forOperator } from '../auth.ts';
import { ProblemError } from '../errors.ts';
import { findAway, notReady, readyAnswer } from '../health.ts';
import { processMetrics, renderMetrics } from '../metrics.ts';
import { defineRoute } from '../route.ts';
import { readStatus, statusSchema } from '../status.ts';

const tag = 'Operations';

export const operationRoutes = [
  defineRoute({
    method: 'GET',
    path: '/healthz',
    operationId: 'healthz',
    summary: 'Is this process alive?',
    tag,
    auth: forEveryone,
    input: {},
    responses: {
      200: { description: 'Alive.', body: z.strictObject({ status: z.literal('ok') }) },
    },
    handler: () => Promise.resolve({ status: 200, body: { status: 'ok' } }),
  }),
  defineRoute({
    method: 'GET',
    path: '/readyz',
    operationId: 'readyz',
    summary: 'Does it reach its database and queue?',
    description: 'Posts can be created and changed while only the queue is away.',
    tag,
    auth: forEveryone,
    input: {},
    responses: {
      200: {
        description: 'Ready; `fenced` says so while nothing is sent.',
        body: z.strictObject({ status: z.literal('ready'), fenced: z.string().optional() }),
      },
    },
    problems: ['not_ready'],
    async handler(_request, services) {
      const away = await findAway(services);
      if (away.length > 0) throw new ProblemError(notReady(away));
      return { status: 200, body: await readyAnswer(services) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/statusz',
    operationId: 'statusz',
    summary: 'The pipeline as it is now',
    tag,
    auth: forOperator,
    input: {},
    responses: { 200: { description: 'By provider and queue.', body: statusSchema } },
    async handler(_request, services) {
      return { status: 200, body: await readStatus(services) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'The same for Prometheus',
    tag,
    auth: forOperator,
    input: {},
    responses: { 200: { description: 'Prometheus text.', contentType: 'text/plain' } },
    async handler(_request, services) {
      const body = await renderMetrics(await readStatus(services));
      return { status: 200, body, headers: { 'content-type': processMetrics().contentType } };
    },
  }),
];

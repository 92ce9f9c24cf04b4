import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { within } from '../queue/outage.ts';
import type { Services } from '../services.ts';
import { viewFence } from '../unfencing/view.ts';
import { isOperator } from './auth.ts';
import { type Problem, problemDocument, problemOf, toProblem } from './errors.ts';
import { addressKey } from './limits.ts';
import { processMetrics, renderProcessMetrics } from './metrics.ts';
import { hasTables } from './status-store.ts';

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Answers `/healthz`, `/readyz` and, to the operator, `/metrics` of this process on HEALTH_PORT: for processes that
 * have no API. Throws when HEALTH_PORT is not set or taken.
 */
export async function startHealthServer(services: Services): Promise<HealthServer> {
  const { host, healthPort } = services.config.http;
  if (healthPort === undefined) throw new Error('HEALTH_PORT is not set');
  const server = createServer((request, response) => {
    void answer(services, request, response);
  });
  // Every answer is small and quick: what is not taken by then never will be.
  server.setTimeout(60_000);
  await listen(server, host, healthPort);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : healthPort;
  return { url: `http://${host}:${port}`, close: () => close(server) };
}

async function answer(
  services: Services,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  try {
    await answerPath(services, path, request, response);
  } catch (error) {
    const problem = toProblem(error);
    if (problem.code === 'internal') services.log.error({ err: error }, 'health request failed');
    sendProblem(services, path, response, problem);
  }
}

async function answerPath(
  services: Services,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (path === '/healthz') return sendJson(response, { status: 'ok' });
  if (path === '/readyz') {
    const away = await findAway(services);
    if (away.length === 0) return sendJson(response, await readyAnswer(services));
    return sendProblem(services, path, response, notReady(away));
  }
  if (path !== '/metrics') {
    return sendProblem(services, path, response, problemOf('not_found', 'There is nothing here.'));
  }
  if (!isOperator(services, shownBy(request))) {
    const headers = { 'www-authenticate': 'Bearer realm="social-publisher"' };
    const problem = problemOf('unauthenticated', 'Only the operator may read this.', { headers });
    return sendProblem(services, path, response, problem);
  }
  response.writeHead(200, { 'content-type': processMetrics().contentType });
  response.end(await renderProcessMetrics());
}

function shownBy({ socket, headers }: IncomingMessage) {
  const address = addressKey(socket.remoteAddress ?? '', undefined);
  return { address, authorization: headers.authorization };
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function sendProblem(
  services: Services,
  path: string,
  response: ServerResponse,
  problem: Problem,
): void {
  const { publicUrl } = services.config.http;
  response.writeHead(problem.status, {
    'content-type': 'application/problem+json; charset=utf-8',
    ...(problem.retryAfterS === undefined ? {} : { 'retry-after': String(problem.retryAfterS) }),
    ...problem.headers,
  });
  response.end(JSON.stringify(problemDocument(problem, { publicUrl, path, id: '' })));
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

const deadlineMs = 2000;

type Needs = Pick<Services, 'db' | 'queues'>;

/**
 * What of the things this process needs does not answer within two seconds; empty when it is ready. A database without
 * our tables is not there yet.
 */
export async function findAway({ db, queues }: Needs): Promise<readonly string[]> {
  const [database, queue] = await Promise.all([
    answers(() => hasTables(db)),
    answers(async () => {
      await queues.ping();
      return true;
    }),
  ]);
  return [...(database ? [] : ['database']), ...(queue ? [] : ['queue'])];
}

export function notReady(away: readonly string[]): Problem {
  const detail = `The ${away.join(' and the ')} cannot be reached.`;
  const errors = away.map((path) => ({ path, message: 'cannot be reached', rule: 'reachable' }));
  return problemOf('not_ready', detail, { errors, retryAfterS: 5 });
}

async function answers(ask: () => Promise<boolean>): Promise<boolean> {
  try {
    return await within(deadlineMs, ask());
  } catch {
    return false;
  }
}

/** While fenced a process is ready, as posts can be created; that nothing is sent is said beside it. */
export async function readyAnswer({
  db,
}: Pick<Services, 'db'>): Promise<{ readonly status: 'ready'; readonly fenced?: string }> {
  // An older database lacks the columns until it is migrated: nothing of that is this answer's business.
  const fencedAt = await viewFence({ db }).then(
    (fence) => fence.fenced_at,
    () => null,
  );
  if (fencedAt === null) return { status: 'ready' };
  const fenced = `Nothing is sent since ${fencedAt}, until it is unfenced; /statusz says why.`;
  return { status: 'ready', fenced };
}

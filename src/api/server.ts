import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type HTTPMethods,
  LogController,
} from 'fastify';
import type { Services } from '../services.ts';
import { registerConnectPages } from './connect/connect.ts';
import { registerDashboard } from './dashboard/dashboard.ts';
import { ApiError, type ProblemDocument, problemDocument, problemOf, toProblem } from './errors.ts';
import { limitsOf } from './limits.ts';
import { welcome } from './pages/html.ts';
import {
  fastifyPath,
  problemAnswer,
  problemFor,
  type RegisterOptions,
  readFormsOnly,
  readJsonOnly,
  registerRoute,
  send,
  unlessRefused,
} from './register.ts';
import type { Route } from './route.ts';
import { routes as allRoutes } from './routes/index.ts';

const bodyLimitBytes = 1024 * 1024;
const allMethods: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The whole API, not listening yet. `inject` answers as the network would. */
export async function buildApi(
  services: Services,
  options: RegisterOptions = {},
): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = services.log;
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    bodyLimit: bodyLimitBytes,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    requestTimeout: 120_000,
    trustProxy: [...services.config.trustedProxies],
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error, request, reply) => {
      void reply.header('x-request-id', request.id);
      void send(reply, problemAnswer(services, request, toProblem(error)));
    },
    clientErrorHandler: (error, socket) => answerBrokenHttp(services, error, socket),
  });
  readJsonOnly(app);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
  });
  app.addHook('onRequest', (request, reply) =>
    unlessRefused(services, request, reply, () => limitsOf(services).enterStranger(request)),
  );
  app.addHook('onSend', async (_request, reply) => {
    // Node counts anew whenever the reader takes something.
    reply.raw.setTimeout(options.takenWithinMs ?? 60_000, () => reply.raw.destroy());
  });
  app.setErrorHandler((error, request, reply) =>
    send(reply, problemAnswer(services, request, problemFor(request, error))),
  );
  app.setNotFoundHandler((request, reply) =>
    send(
      reply,
      welcome(request) ??
        problemAnswer(services, request, problemOf('not_found', noSuchAddress(request))),
    ),
  );
  for (const route of allRoutes.filter((one) => one.takesForm !== true)) {
    registerRoute(app, services, route, options);
  }
  await app.register(async (inner) => {
    readFormsOnly(inner);
    for (const route of allRoutes.filter((one) => one.takesForm === true)) {
      registerRoute(inner, services, route, options);
    }
  });
  refuseOtherMethods(app, allRoutes);
  await registerConnectPages(app, services);
  await registerDashboard(app, services);
  await app.ready();
  return app;
}

/** Answers on the configured address; `url` is where it can be reached, also when the port was free to choose. */
export async function startApi(
  services: Services,
): Promise<{ readonly app: FastifyInstance; readonly url: string }> {
  const app = await buildApi(services);
  const { host, port } = services.config.http;
  const url = await app.listen({ host, port });
  services.log.info({ url }, 'api listening');
  return { app, url };
}

/** Given ids are echoed when they cannot break a header or a log line; else the request gets a new one. */
function requestIdOf(given: string | readonly string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:=+/@-]{1,128}$/.test(given) ? given : randomUUID();
}

/** A known address answers 405 to a method it does not have, whoever asks, and names those it has. */
function refuseOtherMethods(app: FastifyInstance, routes: readonly Route[]): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const known = routes.filter((route) => route.path === path).map(({ method }) => method);
    const allow = [...known, ...(known.includes('GET') ? ['HEAD'] : [])].join(', ');
    app.route({
      method: allMethods.filter((method) => !known.some((one) => one === method)),
      url: fastifyPath(path),
      onRequest: () => Promise.reject(methodNotAllowed(allow)),
      handler: () => Promise.reject(methodNotAllowed(allow)),
    });
  }
}

function methodNotAllowed(allow: string): ApiError {
  return new ApiError('method_not_allowed', `This address knows only ${allow}.`, { allow });
}

function noSuchAddress(request: FastifyRequest): string {
  const place = `${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`;
  return `There is nothing at ${place}. The API begins at /v1; /docs and /openapi.json describe it, and the queues are at /admin/queues.`;
}

/** What was not HTTP enough for Fastify to see it. */
function answerBrokenHttp(
  services: Services,
  error: Error & { readonly code?: string },
  socket: Socket,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code =
    error.code === 'HPE_HEADER_OVERFLOW' ? 'request_header_too_large' : 'malformed_request';
  const problem = problemOf(code, 'The request is not valid HTTP.');
  const id = randomUUID();
  const { publicUrl } = services.config.http;
  const document = problemDocument(problem, { publicUrl, path: '', id });
  socket.end(rawAnswer(document, id));
}

function rawAnswer(document: ProblemDocument, id: string): string {
  const body = JSON.stringify(document);
  return [
    `HTTP/1.1 ${document.status} Bad Request`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${id}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

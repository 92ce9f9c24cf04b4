import type { AppControllerRoute, IServerAdapter } from '@bull-board/api/typings/app';
import type { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError, NotFoundError } from '../../errors.ts';
import { maskSecrets } from '../../mask.ts';
import type { Services } from '../../services.ts';
import { isOperator } from '../auth.ts';
import { ApiError } from '../errors.ts';
import { shownOf } from '../limits.ts';
import { unlessRefused } from '../register.ts';

/** What Bull Board may mount: looking. A route that a new version brings is absent until it is listed here. */
const readable = new Set([
  '/api/redis/stats',
  '/api/queues',
  '/api/job-schedulers',
  '/api/queues/:queueName/metrics',
  '/api/queues/:queueName/workers',
  '/api/queues/:queueName/rate-limit',
  '/api/queues/:queueName/default-job-options',
  '/api/queues/:queueName/job-data-schema',
  '/api/queues/:queueName/:jobId/logs',
  '/api/queues/:queueName/:jobId/flow',
  '/api/queues/:queueName/:jobId',
]);

export interface GuardedAdapter {
  readonly adapter: IServerAdapter;
  /** Where Bull Board's own files lie, once it has said so. */
  readonly staticPath: () => string;
}

/** Stands between Bull Board and Fastify, and passes on only what is safe. */
export function guardAdapter(server: FastifyAdapter): GuardedAdapter {
  let staticPath = '';
  const guarded: IServerAdapter = {
    setQueues(queues) {
      server.setQueues(queues);
      return guarded;
    },
    setViewsPath(path) {
      server.setViewsPath(path);
      return guarded;
    },
    setStaticPath(route, path) {
      staticPath = path;
      server.setStaticPath(route, path);
      return guarded;
    },
    setEntryRoute(route) {
      server.setEntryRoute(route);
      return guarded;
    },
    setErrorHandler(answer) {
      server.setErrorHandler((error) => {
        // Thrown here, it goes up until it is answered as any other error of ours.
        if (error instanceof AppError) throw error;
        // A path that leads out of its folder, say.
        if (isRefusal(error)) throw new NotFoundError('not_found', 'There is nothing here.');
        return answer(new Error(maskSecrets(error.message)));
      });
      return guarded;
    },
    setUIConfig(config) {
      server.setUIConfig(config);
      return guarded;
    },
    setApiRoutes(routes) {
      server.setApiRoutes(routes.filter(isReadable));
      return guarded;
    },
  };
  return { adapter: guarded, staticPath: () => staticPath };
}

function isRefusal(error: Error): boolean {
  return 'statusCode' in error && Number(error.statusCode) < 500;
}

function isReadable({ method, route }: AppControllerRoute): boolean {
  return method === 'get' && typeof route === 'string' && readable.has(route);
}

/**
 * By HTTP basic, as browsers ask for it, or by bearer token; pictures and scripts too. A browser sends the password by
 * itself, whoever made the page that asks: what writes is refused to pages of other places.
 */
export function admitOperators(inner: FastifyInstance, services: Services): void {
  inner.addHook('onRequest', (request, reply) =>
    unlessRefused(services, request, reply, () => requireOperator(services, request)),
  );
}

function requireOperator(services: Services, request: FastifyRequest): void {
  if (!isOperator(services, shownOf(request))) {
    throw new ApiError('unauthenticated', 'Any user name, and the operator token as password.', {
      'www-authenticate': 'Basic realm="Social Publisher", charset="UTF-8"',
    });
  }
  if (request.method === 'GET' || request.method === 'HEAD') return;
  if (isFromHere(services, request)) return;
  throw new ApiError('forbidden', 'A page of another place asked for this.');
}

/** Browsers say where a request comes from; over plain HTTP only by `Origin`. Programs say nothing. */
function isFromHere({ config }: Services, { headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = headers;
  if (origin === undefined) return true;
  // A proxy in front may have put another name into Host.
  const known = [host, URL.parse(config.http.publicUrl)?.host];
  const asking = URL.parse(origin)?.host;
  return asking !== undefined && known.includes(asking);
}

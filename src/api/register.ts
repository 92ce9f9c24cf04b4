import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../log.ts';
import type { Services } from '../services.ts';
import { ApiError, type Problem, problemDocument, toProblem } from './errors.ts';
import { type FinalAnswer, readIdempotencyKey, runOnce } from './idempotency.ts';
import { formType, parseBody, parseForm } from './input.ts';
import { limitsOf, shownOf } from './limits.ts';
import {
  type Answer,
  type Entered,
  freshIds,
  type IdSource,
  type PreparedCall,
  type Route,
} from './route.ts';

const entered = new WeakMap<FastifyRequest, Entered>();

export interface RegisterOptions {
  /** Tests only: an answer that is not as the OpenAPI document says becomes an error 500. */
  readonly checkAnswers?: boolean;
  /** How long a reader may take nothing of its answer before its connection is closed; a minute by default. */
  readonly takenWithinMs?: number;
}

/** Mounts a route: who is asking is judged before the body is read, then parse, once per key, run, answer. */
export function registerRoute(
  app: FastifyInstance,
  services: Services,
  route: Route,
  options: RegisterOptions = {},
): void {
  app.route({
    method: route.method,
    url: fastifyPath(route.path),
    ...(route.bodyLimitBytes === undefined ? {} : { bodyLimit: route.bodyLimitBytes }),
    async onRequest(request, reply) {
      const visitor = await route.enter(services, visitOf(request));
      limitsOf(services).enterTenant(visitor, request, reply);
      entered.set(request, visitor);
    },
    async handler(request, reply) {
      const answer = await answerRequest(services, route, request, options);
      limitsOf(services).leave(request, Buffer.byteLength(answer.body ?? ''));
      return send(reply, answer);
    },
  });
}

/** As Fastify writes a path: `/v1/posts/:id`. */
export function fastifyPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

export function problemAnswer(
  services: Services,
  request: FastifyRequest,
  problem: Problem,
): FinalAnswer {
  const document = problemDocument(problem, {
    publicUrl: publicUrlOf(services, request),
    path: pathOf(request),
    id: request.id,
  });
  return {
    status: problem.status,
    body: JSON.stringify(document),
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      ...(problem.retryAfterS === undefined ? {} : { 'retry-after': String(problem.retryAfterS) }),
      ...problem.headers,
    },
  };
}

/** How the caller reaches us; where the port was free to choose, as the caller did. */
export function publicUrlOf(services: Services, request: FastifyRequest): string {
  const { publicUrl } = services.config.http;
  return publicUrl.endsWith(':0') ? `${request.protocol}://${request.host}` : publicUrl;
}

export function send(reply: FastifyReply, answer: FinalAnswer): FastifyReply {
  return reply
    .code(answer.status)
    .headers({ ...answer.headers })
    .send(answer.body ?? undefined);
}

/** For hooks: a refusal is answered as ours, also in front of routes that have an error handler of their own. */
export async function unlessRefused(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  check: () => void,
): Promise<FastifyReply | undefined> {
  try {
    check();
    return undefined;
  } catch (error) {
    return send(reply, problemAnswer(services, request, problemFor(request, error)));
  }
}

/** Logs what is not the caller's doing, where it is answered. */
export function problemFor(request: FastifyRequest, error: unknown): Problem {
  const problem = toProblem(error);
  const facts = { err: error, code: problem.code };
  if (problem.code === 'internal') request.log.error(facts, 'request failed');
  else if (problem.code === 'not_ready') request.log.debug(facts, 'not ready');
  else if (problem.status >= 500) request.log.warn(facts, 'request could not be served');
  return problem;
}

async function answerRequest(
  services: Services,
  route: Route,
  request: FastifyRequest,
  options: RegisterOptions,
): Promise<FinalAnswer> {
  const visitor = entered.get(request);
  if (visitor === undefined) throw new Error('A request came in past its entrance.');
  const { params, query, body } = request;
  const call = visitor.prepare({ params, query, body });
  const run = (ids: IdSource) => runCall({ services, route, request, options }, call, ids);
  const key =
    route.method === 'POST' && route.writes !== false
      ? readIdempotencyKey(request.headers['idempotency-key'])
      : undefined;
  if (key === undefined) return run(freshIds);
  return runOnce(
    { ...services, log: logOf(services, request) },
    {
      scope: visitor.tenantId ?? 'operator',
      key,
      method: route.method,
      path: pathOf(request),
      query,
      body,
      secretAnswer: route.secretAnswer ?? false,
    },
    run,
  );
}

interface Running {
  readonly services: Services;
  readonly route: Route;
  readonly request: FastifyRequest;
  readonly options: RegisterOptions;
}

/** Errors become answers here already, so that a repetition of a refused request is refused alike. */
async function runCall(
  { services, route, request, options }: Running,
  call: PreparedCall,
  idempotentId: IdSource,
): Promise<FinalAnswer> {
  const { guesses } = limitsOf(services);
  // Each is another guess: what is told of it differs in nothing that counts.
  const shown = { ...shownOf(request), authorization: `signed ${randomUUID()}` };
  try {
    if (route.isSigned === true) guesses.check(shown);
    const answer = await call({
      headers: request.headers,
      publicUrl: publicUrlOf(services, request),
      log: logOf(services, request),
      idempotentId,
    });
    if (options.checkAnswers === true) checkAnswer(route, answer);
    return finish(answer);
  } catch (error) {
    const problem = problemFor(request, error);
    if (problem.code === 'signature_invalid') guesses.noteWrong('meta', shown);
    return problemAnswer(services, request, problem);
  }
}

function finish({ status, body, headers = {} }: Answer): FinalAnswer {
  if (body === undefined) return { status, body: null, headers };
  const isText = typeof body === 'string';
  return {
    status,
    body: isText ? body : JSON.stringify(body),
    headers: isText ? headers : { 'content-type': 'application/json; charset=utf-8', ...headers },
  };
}

function checkAnswer(route: Route, { status, body }: Answer): void {
  const spec = route.responses[status];
  if (spec === undefined) throw new Error(`${route.operationId} does not declare ${status}`);
  if (typeof body === 'string' && spec.page === true) return;
  spec.body?.parse(body === undefined ? undefined : JSON.parse(JSON.stringify(body)));
}

function visitOf(request: FastifyRequest) {
  const tenantHeader = request.headers['tenant-id'];
  return {
    ...shownOf(request),
    tenantHeader: Array.isArray(tenantHeader) ? tenantHeader.join(', ') : tenantHeader,
  };
}

function logOf(services: Services, request: FastifyRequest): Logger {
  return services.log.child({ requestId: request.id });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? '';
}

/** Fastify's own parser would refuse the same things with other words, and would let NUL and half characters pass. */
export function readJsonOnly(app: FastifyInstance): void {
  readOnly(app, 'application/json', parseBody);
}

/** Where Meta or a browser sends a form: nothing else is read there, and in no other way. */
export function readFormsOnly(app: FastifyInstance): void {
  readOnly(app, formType, parseForm);
}

function readOnly(app: FastifyInstance, type: string, parse: (bytes: Buffer) => unknown): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(type, { parseAs: 'buffer' }, (request, body, done) => {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') {
      done(new ApiError('unsupported_media_type', 'Compressed bodies are not read.'), undefined);
      return;
    }
    try {
      done(null, parse(Buffer.isBuffer(body) ? body : Buffer.from(body)));
    } catch (error) {
      done(error instanceof Error ? error : new Error('The body was not read.'), undefined);
    }
  });
}

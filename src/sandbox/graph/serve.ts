import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultSpec } from '../world/faults.ts';
import type { LoggedRequest } from '../world/ledger.ts';
import { settle } from '../world/life.ts';
import { weatherOf } from '../world/weather.ts';
import type { World } from '../world/world.ts';
import { debugToken } from './account.ts';
import { bareIds, type Call, checkVersion, GraphError, readCall, servedVersion } from './call.ts';
import { answerInstagram, answerInstagramApi, exchangeFacebook } from './exchange.ts';
import { answerGraph } from './graph.ts';
import { authenticate } from './tokens.ts';
import { countCall, type Headers } from './usage.ts';

interface Result {
  readonly status: number;
  readonly body: object;
  readonly headers: Headers;
  /** Whether anything may have changed on the Page. */
  readonly effect: boolean;
  readonly error: GraphError | null;
}

/** One call to the Graph API, from bytes to bytes, with the fault that is switched on for it. */
export async function serveGraph(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Promise<void> {
  const startedAt = performance.now();
  const call = readCall(request, body);
  const logged = logCall(world, call);
  const fault = takeFault(world, call, logged);
  const delayMs = fault?.spec.delay_ms ?? 0;
  const delaysEffect = fault?.spec.kind === 'delay' && fault.spec.when === 'before';
  // The effect comes late, and comes even if the client has left by then.
  if (delaysEffect) await sleep(delayMs);
  const answer = await decide(world, call, fault, logged);
  const waitMs = world.settings.latency_ms + (delaysEffect ? 0 : delayMs);
  if (waitMs > 0) await sleep(waitMs);
  logged.status = answer.instead === undefined ? answer.status : null;
  logged.fault = fault === null ? null : `${fault.spec.kind} ${fault.spec.when}`;
  logged.durationMs = Math.round(performance.now() - startedAt);
  writeAnswer(world, response, {
    ...answer,
    headers: { ...protocolHeaders(world, call), ...answer.headers, ...fault?.spec.headers },
  });
}

function protocolHeaders(world: World, call: Call): Headers {
  return {
    'facebook-api-version': servedVersion(call.version),
    'x-fb-trace-id': call.traceId,
    'x-fb-rev': world.revision,
    'x-fb-debug': call.traceId,
    'cache-control': 'private, no-cache, no-store, must-revalidate',
    vary: 'Accept-Encoding',
  };
}

async function decide(
  world: World,
  call: Call,
  given: Fault | null,
  logged: LoggedRequest,
): Promise<Answer> {
  const spec = given?.spec;
  if (spec !== undefined && spec.when === 'before' && replacesAnswer(spec)) {
    countRefused(world, call);
    return faultAnswer(spec, call.traceId, `{"id":"${call.segments[0] ?? ''}`);
  }
  const result = await perform(world, call, given);
  logged.errorCode = result.error?.fields.code ?? null;
  logged.errorSubcode = result.error?.fields.subcode ?? null;
  const text = graphJson(result.body);
  if (given !== null && !result.effect) world.faults.giveBack(given);
  else if (spec !== undefined && replacesAnswer(spec)) {
    return withHeaders(faultAnswer(spec, call.traceId, text), result.headers);
  }
  return {
    status: result.status,
    body: text,
    headers: result.headers,
    contentType: world.settings.content_type,
  };
}

function withHeaders(answer: Answer, headers: Headers): Answer {
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

/** A call that failed on Meta's side before doing anything has been counted all the same. */
function countRefused(world: World, call: Call): void {
  const token = world.tokens.get(call.token ?? '');
  const app = world.apps.get(token?.appId ?? '');
  if (token !== undefined && app !== undefined) countCall(world, { token, app });
}

async function perform(world: World, call: Call, fault: Fault | null): Promise<Result> {
  let headers: Headers = {};
  try {
    checkVersion(call.version);
    if (call.host === 'instagram-api') return succeeded(answerInstagramApi(world, call), headers);
    if (call.segments.join('/') === 'oauth/access_token' && call.host === 'facebook') {
      return succeeded(exchangeFacebook(world, call), headers);
    }
    if (call.segments[0] === 'debug_token' && call.method === 'GET') {
      return succeeded(debugToken(world, call), headers);
    }
    const caller = authenticate(world, call);
    const usage = countCall(world, caller);
    headers = usage.headers;
    if (usage.refusal !== null) throw usage.refusal;
    if (call.host === 'instagram-graph')
      return succeeded(answerInstagram(world, caller, call), headers);
    return succeeded(await answerGraph(world, caller, call, fault), headers);
  } catch (error) {
    if (error instanceof GraphError) return refused(error, call, headers);
    throw error;
  }
}

function succeeded(body: object, headers: Headers): Result {
  return { status: 200, body, headers, effect: true, error: null };
}

function refused(error: GraphError, call: Call, headers: Headers): Result {
  const isAuth = [102, 104, 190].includes(error.fields.code ?? 0);
  const challenge = `OAuth "Facebook Platform" "invalid_token" "${error.message.replaceAll(/[^ -!#-~]/g, ' ')}"`;
  return {
    status: error.status,
    body: error.envelope(call.traceId),
    headers: isAuth ? { ...headers, 'www-authenticate': challenge } : headers,
    effect: error.afterEffect,
    error,
  };
}

/** The Page a call is about, from its path or, for posts and photos, from what it names. */
function pageIdOf(world: World, call: Call): string | null {
  const id = call.segments[0] ?? '';
  if (id === 'me') return world.tokens.get(call.token ?? '')?.pageId ?? null;
  if (world.pages.has(id)) return id;
  return world.posts.get(id)?.pageId ?? world.photos.get(id)?.pageId ?? null;
}

function logCall(world: World, call: Call): LoggedRequest {
  settle(world);
  return world.requests.add({
    requestId: call.traceId,
    at: world.clock.now(),
    method: call.method,
    path: call.path,
    version: call.version,
    pageId: pageIdOf(world, call),
    edge: call.segments[1] ?? null,
    params: call.params,
    tokenPlace: call.tokenPlace,
    token: call.token,
    hasProof: call.params.has('appsecret_proof'),
    userAgent: call.userAgent,
    status: null,
    errorCode: null,
    errorSubcode: null,
    fault: null,
    durationMs: null,
  });
}

function takeFault(world: World, call: Call, logged: LoggedRequest): Fault | null {
  const page = world.pages.get(logged.pageId ?? '');
  const outage = world.faults.takeOutage(weatherOf(world, page));
  if (outage !== null) return outage;
  const message = call.params.get('message') ?? call.params.get('caption');
  return world.faults.take({
    method: call.method,
    path: `/${(call.host === 'facebook' ? call.segments : [call.host, ...call.segments]).join('/')}`,
    edge: call.segments[1] ?? 'node',
    pageId: logged.pageId,
    message: typeof message === 'string' ? message : '',
    token: call.token,
    params: call.params,
  });
}

const json = 'application/json; charset=UTF-8';
const sorry =
  '<!DOCTYPE html><html lang="en"><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1><p>We\'re working on it and we\'ll get it fixed as soon as we can.</p></body></html>';

/** Whether this kind takes the place of the answer (the others only change what the call does). */
function replacesAnswer(spec: FaultSpec): boolean {
  return !['delay', 'vanish', 'late', 'goes_public'].includes(spec.kind);
}

/** What the client sees; `real` is the answer it would have had. */
function faultAnswer(spec: FaultSpec, traceId: string, real: string): Answer {
  const plain = { status: 200, body: '', headers: spec.headers, contentType: json };
  switch (spec.kind) {
    case 'error':
      return { ...plain, ...envelope(chosenError(spec), traceId) };
    case 'code_1':
      return { ...plain, ...envelope(unknownError, traceId) };
    case 'code_2':
      return { ...plain, ...envelope(serviceDown, traceId) };
    case 'timeout':
      return { ...plain, instead: { kind: 'hang', holdMs: spec.hold_ms } };
    case 'reset':
      return { ...plain, instead: { kind: 'reset' } };
    case 'html_502':
      return { ...plain, status: 502, body: sorry, contentType: 'text/html; charset=utf-8' };
    case 'html_200':
      return { ...plain, body: sorry, contentType: 'text/html; charset=utf-8' };
    case 'truncated':
      return { ...plain, body: real.slice(0, Math.max(1, Math.floor(real.length / 2))) };
    case 'empty':
      return plain;
    case 'no_id':
      return { ...plain, body: '{}' };
    case 'delay':
    case 'vanish':
    case 'late':
    case 'goes_public':
      return { ...plain, body: real };
  }
}

function envelope(error: GraphError, traceId: string): { status: number; body: string } {
  return { status: error.status, body: graphJson(error.envelope(traceId)) };
}

const unknownError = new GraphError('An unknown error has occurred.', {
  code: 1,
  status: 500,
  transient: false,
});

const serviceDown = new GraphError('(#2) Service temporarily unavailable', {
  code: 2,
  status: 500,
  transient: true,
});

function chosenError(spec: FaultSpec): GraphError {
  return new GraphError(spec.message ?? `(#${spec.code}) Injected by a fault of the sandbox`, {
    code: spec.code,
    status: spec.http_status,
    type: spec.type,
    ...(spec.subcode === undefined ? {} : { subcode: spec.subcode }),
    ...(spec.is_transient === undefined ? {} : { transient: spec.is_transient }),
  });
}

/** One answer on the wire. `body` is sent as it is; `hang` and `reset` never answer. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly instead?:
    | { readonly kind: 'hang'; readonly holdMs: number }
    | { readonly kind: 'reset' };
}

/** JSON as Meta writes it: slashes and everything outside ASCII escaped. */
function graphJson(value: unknown): string {
  const text = JSON.stringify(value).replaceAll(bareIds, '$1');
  if (!/[/\u007f-\uffff]/.test(text)) return text;
  return text.replaceAll(/[/\u007f-\uffff]/g, (char) =>
    char === '/' ? '\\/' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function writeAnswer(world: World, response: ServerResponse, answer: Answer): void {
  if (answer.instead?.kind === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (answer.instead?.kind === 'hang') {
    const timer = setTimeout(() => response.destroy(), answer.instead.holdMs);
    response.on('close', () => clearTimeout(timer));
    return;
  }
  response.sendDate = false;
  response.writeHead(answer.status, {
    date: new Date(world.clock.now()).toUTCString(),
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  response.end(answer.body);
}

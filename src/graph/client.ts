import { createHmac } from 'node:crypto';
import { type AxiosInstance, type AxiosResponse, create as createAxios } from 'axios';
import type { z } from 'zod';
import { PublishError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { CallRecord, Effect } from '../providers/content.ts';
import type { Secret } from '../secret.ts';
import { createAgents, type Reach, watchConnection } from './connection.ts';
import {
  type Answer,
  type CallFacts,
  type Failure,
  judge,
  judgeMalformedToken,
  judgeUnexpectedBody,
  type Refused,
} from './errors.ts';
import { readUsage, type Usage } from './usage.ts';

export interface GraphSettings {
  readonly baseUrl: string;
  /** As it stands in the path: `v`, a number, `.0`. */
  readonly version: string;
  /** From the start of a call to its last byte, the connection included. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Whose token a call carries. */
export interface GraphAccount {
  readonly externalAccountId: string;
  readonly token: Secret;
  readonly appSecret: Secret | null;
}

export interface GraphCall<T> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the version: `/123/feed`. */
  readonly path: string;
  readonly effect: Effect;
  readonly account: GraphAccount;
  /** Goes into the query of a GET or DELETE, into the JSON body of a POST. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly schema: z.ZodType<T>;
  /** How many of the usual deadlines it may take: 1 when absent. */
  readonly deadlines?: number;
  readonly context: GraphContext;
}

export interface GraphContext {
  /** By `performance.now()`: no byte of the call leaves later. */
  readonly startBefore?: number;
  /** Told once of each call, when its answer or its failure is there; must not throw. */
  onCall(call: CallRecord): void;
  /** Told of each answer that says how full the budget is; must not throw. */
  onUsage?(usage: Usage): void;
  /** Told of each answer that is the one asked for; must not throw. */
  onAnswer?(): void;
}

export interface GraphAnswer<T> {
  readonly body: T;
  /** Meta's clock when it answered, to the second. */
  readonly date: Date | null;
  readonly usage: Usage | null;
}

/** One call to Meta, made once. Throws a PublishError for every answer that is not the one asked for. */
export interface GraphClient {
  request<T>(call: GraphCall<T>): Promise<GraphAnswer<T>>;
}

/** Graph's answers are kilobytes; a hundred posts with attachments some hundred. */
const maxAnswerBytes = 8 * 1024 * 1024;

/** The only HTTP to Meta. Never retries, never follows a redirect, never waits past its deadline. */
export function createGraphClient(settings: GraphSettings): GraphClient {
  const http = createHttp();
  const root = `${settings.baseUrl.replace(/\/+$/, '')}/${settings.version}`;
  const rootPath = new URL(root).pathname;
  const warnOfVersion = createVersionWarning(settings);

  return {
    async request(call) {
      if (!isSendable(call.account.token)) throw toError(judgeMalformedToken(new Date()));
      const startedAt = new Date();
      const seen = await exchange(
        http,
        root + call.path,
        call,
        settings.timeoutMs * (call.deadlines ?? 1),
      );
      if ('reason' in seen) {
        report(call, rootPath, startedAt, null, settings.logger);
        throw toError(judge(call.effect, seen, new Date(), factsOf(call)));
      }
      const answer = toAnswer(seen, call.account);
      report(call, rootPath, startedAt, answer, settings.logger);
      if (answer.usage != null) call.context.onUsage?.(answer.usage);
      warnOfVersion(seen.headers['facebook-api-version']);
      const body = readBody(call, answer);
      call.context.onAnswer?.();
      return { body, date: dateOf(seen), usage: answer.usage ?? null };
    },
  };
}

function createHttp(): AxiosInstance {
  return createAxios({
    adapter: 'http',
    ...createAgents(),
    // A proxy from the environment would see every token.
    proxy: false,
    maxRedirects: 0,
    maxContentLength: maxAnswerBytes,
    responseType: 'text',
    transformRequest: [(body: unknown) => body],
    transformResponse: [(body: unknown) => body],
    validateStatus: null,
    headers: {
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'User-Agent': 'social-publisher',
    },
  });
}

/** Sends once and gives what came. Axios errors end here: their config holds the token. */
async function exchange<T>(
  http: AxiosInstance,
  url: string,
  call: GraphCall<T>,
  timeoutMs: number,
): Promise<AxiosResponse<unknown> | Failure> {
  const token = call.account.token.reveal();
  const reach: Reach = { reached: false };
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  const params = withProof(call, token);
  const isPost = call.method === 'POST';
  try {
    return await http.request<unknown>({
      method: call.method,
      url: isPost ? url : url + toQuery(params),
      headers: { Authorization: `Bearer ${token}` },
      ...(isPost ? { data: JSON.stringify(params) } : {}),
      transport: watchConnection(url, reach, call.context.startBefore),
      signal: deadline.signal,
    });
  } catch (error) {
    const { reached } = reach;
    if (!deadline.signal.aborted) return { reached, reason: describe(error) };
    const doing = reached ? 'no whole answer' : 'no connection';
    return { reached, reason: `${doing} within ${timeoutMs} ms` };
  } finally {
    clearTimeout(timer);
  }
}

/** What a header cannot carry is no token of Meta's; node would refuse it with the token in hand. */
function isSendable(token: Secret): boolean {
  return /^[\x21-\x7e]+$/.test(token.reveal());
}

/** Proof that the caller holds the app's secret, so that a stolen token alone is worth nothing. */
function withProof<T>(call: GraphCall<T>, token: string): Record<string, unknown> {
  const { appSecret } = call.account;
  if (appSecret === null) return { ...call.params };
  const proof = createHmac('sha256', appSecret.reveal()).update(token).digest('hex');
  return { ...call.params, appsecret_proof: proof };
}

function toQuery(params: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    query.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** The system's own code where there is one; never the whole error. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the call failed';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return error.message === '' ? code : `${code}: ${error.message}`;
}

function toAnswer(response: AxiosResponse<unknown>, account: GraphAccount): Answer {
  const { status, headers, data } = response;
  const text = typeof data === 'string' ? data : '';
  const traceId: unknown = headers['x-fb-trace-id'];
  return {
    status,
    text: status < 300 ? text : hideSecrets(text, account),
    fbtraceId: typeof traceId === 'string' ? traceId : null,
    usage: readUsage(headers, account.externalAccountId),
  };
}

/** Meta, or what stands before it, may quote the token that it did not like. */
function hideSecrets(text: string, { token, appSecret }: GraphAccount): string {
  const masked = text.replaceAll(token.reveal(), '[secret]');
  return appSecret === null ? masked : masked.replaceAll(appSecret.reveal(), '[secret]');
}

function readBody<T>(call: GraphCall<T>, answer: Answer): T {
  const at = new Date();
  const verdict = judge(call.effect, answer, at, factsOf(call));
  if (!verdict.ok) throw toError(verdict);
  const parsed = call.schema.safeParse(verdict.body);
  if (!parsed.success) throw toError(judgeUnexpectedBody(call.effect, answer, at));
  return parsed.data;
}

function toError({ record, scope, isProven, retryAfterMs }: Refused): PublishError {
  return new PublishError(record, {
    scope,
    isProven,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** An edge that cannot be read says little; one that nothing can be made on says that the account is out of sight. */
function factsOf<T>({ account, effect, path }: GraphCall<T>): CallFacts {
  const isBelow = path.startsWith(`/${account.externalAccountId}/`);
  return { isOnAccount: effect !== 'reads' && isBelow, hasProof: account.appSecret !== null };
}

function dateOf(response: AxiosResponse<unknown>): Date | null {
  const header: unknown = response.headers['date'];
  const date = new Date(typeof header === 'string' ? header : Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

function report<T>(
  call: GraphCall<T>,
  rootPath: string,
  startedAt: Date,
  answer: Answer | null,
  logger: Logger,
): void {
  const { method, effect } = call;
  const status = answer?.status ?? null;
  const path = rootPath + call.path;
  call.context.onCall({ method, path, effect, status, at: startedAt.toISOString() });
  if (!logger.isLevelEnabled('debug')) return;
  const durationMs = Date.now() - startedAt.getTime();
  const fbtraceId = answer?.fbtraceId ?? undefined;
  logger.debug({ method, path, effect, status, durationMs, fbtraceId }, 'graph called');
}

/** Meta serves a dead version as the oldest living one, without refusing: fields then differ. */
function createVersionWarning({ version, logger }: GraphSettings): (served: unknown) => void {
  const known = new Set([version]);
  return (served) => {
    if (typeof served !== 'string' || known.has(served)) return;
    known.add(served);
    logger.warn({ asked: version, served }, 'Meta answers with another version of its API');
  };
}

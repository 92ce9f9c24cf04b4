import { createHmac } from 'node:crypto';
import { type AxiosInstance, type AxiosResponse, create as createAxios } from 'axios';
import type { z } from 'zod';
import { PublishError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { CallRecord, Effect } from '../providers/content.ts';
import { Secret } from '../secret.ts';
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
  /** The path is not below a version, as those of Instagram's tokens. */
  readonly isUnversioned?: true;
  readonly effect: Effect;
  /** Null: no token goes with the call, as when one is asked for. */
  readonly account: GraphAccount | null;
  /**
   * Goes into the query of a GET or DELETE, into the body of a POST. A `Secret` among them is opened as it is sent, and
   * hidden in what is told of the answer.
   */
  readonly params?: Readonly<Record<string, unknown>>;
  /** How the body of a POST is written: JSON when absent. */
  readonly body?: 'form';
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
  const base = settings.baseUrl.replace(/\/+$/, '');
  const basePath = new URL(base).pathname.replace(/\/$/, '');
  const toPath = ({ path, isUnversioned }: Pick<GraphCall<unknown>, 'path' | 'isUnversioned'>) =>
    isUnversioned === true ? path : `/${settings.version}${path}`;
  const warnOfVersion = createVersionWarning(settings);

  return {
    async request(call) {
      const { account } = call;
      if (account !== null && !isSendable(account.token)) {
        throw toError(judgeMalformedToken(new Date()));
      }
      const startedAt = new Date();
      const path = toPath(call);
      const timeoutMs = settings.timeoutMs * (call.deadlines ?? 1);
      const seen = await exchange(http, base + path, call, timeoutMs);
      if ('reason' in seen) {
        report(call, basePath + path, startedAt, null, settings.logger);
        throw toError(judge(call.effect, seen, new Date(), factsOf(call)));
      }
      const answer = toAnswer(seen, account);
      report(call, basePath + path, startedAt, answer, settings.logger);
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
  const reach: Reach = { reached: false };
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    return await http.request<unknown>({
      method: call.method,
      ...toRequest(url, call),
      transport: watchConnection(url, reach, call.context.startBefore),
      signal: deadline.signal,
    });
  } catch (error) {
    const { reached } = reach;
    if (!deadline.signal.aborted) return { reached, reason: hideSecrets(describe(error), call) };
    const doing = reached ? 'no whole answer' : 'no connection';
    return { reached, reason: `${doing} within ${timeoutMs} ms` };
  } finally {
    clearTimeout(timer);
  }
}

/** Where the params go, and the token: in a header only. */
function toRequest<T>(url: string, call: GraphCall<T>) {
  const { account } = call;
  const params = { ...openSecrets(call.params ?? {}), ...proofOf(account) };
  const headers = account === null ? {} : { Authorization: `Bearer ${account.token.reveal()}` };
  if (call.method !== 'POST') {
    const query = toForm(params);
    return { url: query === '' ? url : `${url}?${query}`, headers };
  }
  if (call.body !== 'form') return { url, headers, data: JSON.stringify(params) };
  const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
  return { url, headers: { ...headers, ...type }, data: toForm(params) };
}

function openSecrets(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      value instanceof Secret ? value.reveal() : value,
    ]),
  );
}

/** What a header cannot carry is no token of Meta's; node would refuse it with the token in hand. */
function isSendable(token: Secret): boolean {
  return /^[\x21-\x7e]+$/.test(token.reveal());
}

/** Proof that the caller holds the app's secret, so that a stolen token alone is worth nothing. */
function proofOf(account: GraphAccount | null): { readonly appsecret_proof?: string } {
  if (account === null || account.appSecret === null) return {};
  const { token, appSecret } = account;
  const proof = createHmac('sha256', appSecret.reveal()).update(token.reveal()).digest('hex');
  return { appsecret_proof: proof };
}

function toForm(params: Readonly<Record<string, unknown>>): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    form.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return form.toString();
}

/** The system's own code where there is one; never the whole error. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the call failed';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return error.message === '' ? code : `${code}: ${error.message}`;
}

function toAnswer(response: AxiosResponse<unknown>, account: GraphAccount | null): Answer {
  const { status, headers, data } = response;
  const traceId: unknown = headers['x-fb-trace-id'];
  return {
    status,
    text: typeof data === 'string' ? data : '',
    fbtraceId: typeof traceId === 'string' ? traceId : null,
    usage: readUsage(headers, account?.externalAccountId),
  };
}

/** Meta, or what stands before it, may quote the token, the code or the secret that it did not like. */
function hideSecrets<T>(text: string, { account, params = {} }: GraphCall<T>): string {
  const sent = Object.values(params).filter((value) => value instanceof Secret);
  const secrets = [...sent, account?.token, account?.appSecret].flatMap((one) => {
    const value = one?.reveal() ?? '';
    // What is shorter is no secret, and may be part of anything.
    return value.length < 6 ? [] : [value, encodeURIComponent(value)];
  });
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '[secret]'), text);
}

/** A token that was asked for may be the one that was sent: only what is told of a refusal hides it. */
function readBody<T>(call: GraphCall<T>, answer: Answer): T {
  const at = new Date();
  const facts = factsOf(call);
  const first = judge(call.effect, answer, at, facts);
  const parsed = first.ok ? call.schema.safeParse(first.body) : undefined;
  if (parsed?.success === true) return parsed.data;
  const told = { ...answer, text: hideSecrets(answer.text, call) };
  const verdict = judge(call.effect, told, at, facts);
  throw toError(verdict.ok ? judgeUnexpectedBody(call.effect, told, at) : verdict);
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
  if (account === null) return {};
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
  path: string,
  startedAt: Date,
  answer: Answer | null,
  logger: Logger,
): void {
  const { method, effect } = call;
  const status = answer?.status ?? null;
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
